import * as kinds from '../kinds.ts'
import { networkGroup } from './network.ts'

/** Watching and steering a running daemon: control, logs, metrics. */
export const operationsGroup = {
  controlPeers: kinds.peerIds({
    description:
      'peer ids that may watch and steer this daemon from other machines; nobody when empty',
    fallback: [],
  }),
  logFileMb: kinds.integer({
    description: 'size of a log file in the data folder, MiB; 0 logs to standard error alone',
    placeholder: '<MiB>',
    fallback: 10,
    min: 0,
    max: 10_000,
  }),
  logFiles: kinds.integer({
    description: 'log files to keep, the newest included',
    fallback: 5,
    min: 1,
    max: 100,
  }),
  metricsPort: kinds.optionalInteger({
    description:
      'port of /metrics (Prometheus), /health and /ready; 0 takes a free one; off when not given',
    min: 0,
    max: 65_535,
  }),
  metricsHost: kinds.text({
    description: 'address of that server; whoever reaches it sees prices and earnings',
    placeholder: '<host>',
    fallback: '127.0.0.1',
  }),
} as const

/** For commands that watch and steer a running daemon. */
export const controlSettings = {
  dataDir: kinds.folder({
    description: 'data folder of the daemon; with --peer that of this machine, whose key is used',
    fallback: '.hanse/node',
  }),
  bootstrap: kinds.addresses({
    description: 'relays through which the peer id of --peer is looked up',
    fallback: [],
  }),
  networkKey: networkGroup.networkKey,
} as const
