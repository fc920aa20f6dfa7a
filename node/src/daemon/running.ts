import { randomBytes, randomFillSync } from 'node:crypto'
import { join } from 'node:path'
import { type Signer, signerOf } from '@hanse/protocol'
import type { FastifyBaseLogger } from 'fastify'
import type { operationsGroup } from '../config/groups/operations.ts'
import { isLan } from '../config/kinds.ts'
import type { networkSettings } from '../config/schemas.ts'
import type { Settings } from '../config/settings.ts'
import type { LogSource } from '../control/index.ts'
import { openLog } from '../logging/open-log.ts'
import {
  loadNetworkKey,
  loadOrCreateIdentity,
  mdnsTagOf,
  type Network,
  openNetwork,
  type RelayLimits,
  seedOf,
} from '../network/index.ts'
import { storedValues } from '../network/stored-values.ts'
import { lockDataFolder } from '../store/data-lock.ts'

/** Daemons keep a log in their data folder; commands that are over soon need none. */
export type NodeSettings = Settings<typeof networkSettings> &
  Partial<Pick<Settings<typeof operationsGroup>, 'logFileMb' | 'logFiles'>>

export interface RunningNode extends AsyncDisposable {
  readonly signer: Signer
  readonly network: Network
  readonly log: FastifyBaseLogger
  /** What was logged lately, for the owner's commands. */
  readonly logs: LogSource
}

export interface OpenNodeOptions {
  /** What to carry for others; `undefined` for a node that is no meeting point. */
  readonly relay?: Partial<RelayLimits> | boolean
  readonly dhtClient?: boolean
}

/**
 * Takes the data folder, and opens identity and network as every daemon does.
 *
 * @throws {HanseError} HANSE_ALREADY_RUNNING, HANSE_ADDRESS_IN_USE, HANSE_NETWORK_KEY
 */
export async function openNode(
  settings: NodeSettings,
  { relay = false, dhtClient = false }: OpenNodeOptions = {},
): Promise<RunningNode> {
  await using stack = new AsyncDisposableStack()
  stack.use(lockDataFolder(settings.dataDir))
  const { log, feed: logs } = stack.use(openLog(settings))
  const privateKey = await loadOrCreateIdentity(join(settings.dataDir, 'identity.key'))
  const context = { network: settings.network }
  const { networkKey } = settings
  const network = stack.use(
    await openNetwork({
      privateKey,
      listen: [...settings.listen],
      lan: isLocal(settings),
      dhtClient,
      relay: relay !== false,
      ...(typeof relay === 'object' ? { relayLimits: relay } : {}),
      // Nobody has to reach a node that only buys.
      relayUse: dhtClient && settings.relay === 'auto' ? 'off' : settings.relay,
      announce: settings.announce,
      ...(settings.mdns ? { mdnsTag: mdnsTagOf(settings.network) } : {}),
      ...(networkKey === undefined ? {} : { networkKey: await loadNetworkKey(networkKey) }),
      gate: {
        allowPeers: settings.allowPeers,
        denyPeers: settings.denyPeers,
        denyAddresses: settings.denyAddresses,
        relays: settings.viaRelays,
        connectionsPerPeer: settings.connectionsPerPeer,
        connectionsPerAddress: settings.connectionsPerAddress,
        ...(settings.connectionsMax === 0 ? {} : { connectionsMax: settings.connectionsMax }),
      },
      streams: { perSecond: settings.streamsPerSecond, most: settings.streamsMax },
      now: clock,
      ...storedValues(context, Date.now),
    }),
  )
  network.keepConnected([...settings.bootstrap])
  const opened = stack.move()
  return {
    signer: signerOf(seedOf(privateKey)),
    network,
    log,
    logs,
    [Symbol.asyncDispose]: async () => await opened.disposeAsync(),
  }
}

/** A node that listens nowhere is where its bootstraps are. */
function isLocal({ lan, listen, bootstrap, networkKey }: Settings<typeof networkSettings>) {
  if (lan !== 'auto') return lan === 'on'
  if (networkKey !== undefined) return true
  const own = listen.filter((address) => !address.startsWith('/p2p-circuit'))
  return isLan(own.length > 0 ? own : bootstrap)
}

export const clock = (): number => Date.now()

/** Nonces and salts are small, and the system is not asked for each. What was given out is kept nowhere else. */
export function random(bytes: number): Uint8Array {
  if (bytes > POOL_BYTES / 8) return new Uint8Array(randomBytes(bytes))
  if (given + bytes > POOL_BYTES) {
    randomFillSync(pool)
    given = 0
  }
  const part = pool.subarray(given, given + bytes)
  const own = new Uint8Array(part)
  part.fill(0)
  given += bytes
  return own
}

const POOL_BYTES = 4096
const pool = new Uint8Array(POOL_BYTES)
let given = POOL_BYTES

/**
 * Resolves when the process is asked to stop; a second signal ends it at once. With HANSE_STOP_WITH_PARENT=1 it also stops
 * when its standard input ends, so that a parent that was killed leaves nothing running.
 */
export async function untilStopped(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      resolve()
      process.once(signal, () => process.exit(130))
    })
  }
  if (process.env.HANSE_STOP_WITH_PARENT === '1')
    process.stdin.resume().once('end', resolve).once('error', resolve)
  await promise
  process.stdin.destroy()
}
