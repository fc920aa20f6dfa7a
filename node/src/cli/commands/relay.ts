import { join } from 'node:path'
import { cosignerOf, HanseError } from '@hanse/protocol'
import type { Command } from 'commander'
import { relaySettings } from '../../config/schemas.ts'
import type { Settings } from '../../config/settings.ts'
import { clock, openNode, type RunningNode, random, untilStopped } from '../../daemon/running.ts'
import { Landmark } from '../../landmark/landmark.ts'
import { loadNoteKey, witnessNameOf } from '../../log/note-keys.ts'
import { createWitness } from '../../log/witness-server.ts'
import { WitnessStore } from '../../log/witness-store.ts'
import { listenFault, type RelayLimits } from '../../network/index.ts'
import { type Reporter, reporter } from '../output.ts'
import { settingsCommand } from '../settings-command.ts'

export function relayCommand(): Command {
  return settingsCommand(
    'relay',
    'Run a node that others join the network through, and are reached through; or a witness of logs.',
    relaySettings,
    async (settings, _args, flags) => {
      const report = reporter(flags.json === true)
      await using node = await openNode(settings, { relay: limitsOf(settings) })
      await using _witness = settings.witness
        ? await startWitness(settings, node, report)
        : undefined
      if (settings.landmark !== undefined) await startLandmark(settings, node, report)
      const addresses = node.network.addresses()
      report('ready', { peerId: node.network.peerId, addresses }, `relay ${node.network.peerId}`)
      if (flags.json !== true) for (const address of addresses) console.log(`  ${address}`)
      await untilStopped()
    },
  ).option('--json', 'print events as JSON lines')
}

function limitsOf(settings: Settings<typeof relaySettings>): RelayLimits {
  return {
    reservations: settings.relayReservations,
    reservationsPerAddress: settings.relayReservationsPerAddress,
    circuitsPerPeer: settings.relayConnectionsPerPeer,
    dataLimit: BigInt(settings.relayDataLimit),
    durationMs: settings.relayDurationMs,
  }
}

async function startLandmark(
  { network: name, landmark: position }: Settings<typeof relaySettings>,
  { network, signer }: RunningNode,
  report: Reporter,
): Promise<void> {
  if (position === undefined) return
  const context = { network: name, signer }
  const monotonic = () => performance.now()
  await new Landmark({ position, context, now: clock, monotonic, random }).serve(network)
  const { latitude, longitude } = position
  report('landmark', { ...position }, `landmark ${position.name} at ${latitude}, ${longitude}`)
}

async function startWitness(
  settings: Settings<typeof relaySettings>,
  { network, log }: RunningNode,
  report: Reporter,
): Promise<AsyncDisposable> {
  const { dataDir, witnessLogs: logKeys, witnessHost: host, witnessPort: port } = settings
  if (logKeys.length === 0) {
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      'say which logs to witness: --witness-logs, with their verifier keys',
    )
  }
  const name = settings.witnessName ?? witnessNameOf(settings.network, network.peerId)
  const cosigner = cosignerOf(name, await loadNoteKey(join(dataDir, 'witness.key')))
  await using stack = new AsyncDisposableStack()
  const store = stack.use(new WitnessStore(join(dataDir, 'witness.db')))
  const app = createWitness({
    logKeys,
    cosigner,
    store,
    log,
    now: clock,
    onFork: (fork) =>
      report(
        'fork',
        { ...fork },
        `${fork.kind === 'fork' ? 'FORK' : 'NOT SHOWN TO CONTINUE'}: ${fork.origin}`,
      ),
  })
  stack.defer(async () => await app.close())
  const url = await app.listen({ host, port }).catch((error: unknown) => {
    throw listenFault(error, '--witness-port', `${host}:${port}`)
  })
  report(
    'witness',
    { url, vkey: cosigner.vkey, logs: logKeys.length, forks: store.forks().length },
    `witness of ${logKeys.length} logs at ${url}\n  ${cosigner.vkey}`,
  )
  return stack.move()
}
