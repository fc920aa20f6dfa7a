import { join } from 'node:path'
import { HanseError, isPeerId } from '@hanse/protocol'
import { multiaddr } from '@multiformats/multiaddr'
import type { controlSettings } from '../config/groups/operations.ts'
import type { Settings } from '../config/settings.ts'
import { ControlClient, localControl, networkControl } from '../control/index.ts'
import { loadNetworkKey, loadOrCreateIdentity, openNetwork } from '../network/index.ts'

export type ControlSettings = Settings<typeof controlSettings>

export interface ControlAccess extends AsyncDisposable {
  readonly client: ControlClient
  /** Which daemon it is, for messages. */
  readonly name: string
  /** On this machine. */
  readonly local: boolean
}

/** Time to reach one of the relays before a peer id is looked up. */
const BOOTSTRAP_MS = 15_000

/**
 * The daemon of the data folder, or with `peer` the one on another machine, which knows the owner by the identity in the
 * data folder of this one.
 *
 * @throws {HanseError} HANSE_CONFIG_INVALID, HANSE_CONTROL_UNREACHABLE
 */
export async function openControl(
  settings: ControlSettings,
  peer: string | undefined,
): Promise<ControlAccess> {
  const { dataDir } = settings
  if (peer === undefined) {
    const client = new ControlClient(localControl(dataDir))
    return { client, name: dataDir, local: true, [Symbol.asyncDispose]: async () => {} }
  }
  checkPeer(peer)
  const privateKey = await loadOrCreateIdentity(join(dataDir, 'identity.key'))
  const { networkKey, bootstrap } = settings
  const network = await openNetwork({
    privateKey,
    listen: [],
    // The other machine is often in the next room.
    lan: true,
    dhtClient: true,
    ...(networkKey === undefined ? {} : { networkKey: await loadNetworkKey(networkKey) }),
    validateRecord: async () => {},
    selectRecord: () => 0,
  })
  try {
    network.keepConnected([...bootstrap])
    const byId = isPeerId(peer)
    if (byId) await joined(network, bootstrap)
    const open = networkControl(network, byId ? peer : [peer])
    return {
      client: new ControlClient(open),
      name: peer,
      local: false,
      [Symbol.asyncDispose]: async () => await network.stop(),
    }
  } catch (error) {
    await network.stop()
    throw error
  }
}

/** A fault of a request to another machine, with what its owner has to do about it. */
export function explain(error: unknown, ownPeerId: string): unknown {
  if (!(error instanceof HanseError) || error.code !== 'HANSE_FORBIDDEN') return error
  return new HanseError(
    'HANSE_FORBIDDEN',
    `that daemon does not know this key: start it with --control-peers ${ownPeerId}`,
    { cause: error },
  )
}

function checkPeer(peer: string): void {
  if (isPeerId(peer)) return
  try {
    // Without it anybody who answers at that address would be believed.
    if (multiaddr(peer).toString().includes('/p2p/')) return
  } catch {
    // Said below.
  }
  throw new HanseError(
    'HANSE_CONFIG_INVALID',
    `--peer ${peer}: give a peer id (12D3Koo…) or an address that ends in /p2p/ and one`,
  )
}

async function joined(
  network: { whenConnected(signal?: AbortSignal): Promise<void> },
  bootstrap: readonly string[],
): Promise<void> {
  if (bootstrap.length === 0)
    throw new HanseError(
      'HANSE_CONFIG_INVALID',
      'to look up a peer id, say through whom: --bootstrap <address of a relay>; or give --peer its address',
    )
  try {
    await network.whenConnected(AbortSignal.timeout(BOOTSTRAP_MS))
  } catch (cause) {
    throw new HanseError('HANSE_CONTROL_UNREACHABLE', 'no address of --bootstrap answers', {
      cause,
    })
  }
}
