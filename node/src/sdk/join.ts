import { HanseError } from '@hanse/protocol'
import type { PeerNetwork } from '../network/peer-network.ts'
import type { ResolvedOptions } from './options.ts'

/**
 * Dials the bootstraps, now and again whenever they are lost, and waits for the first.
 *
 * @throws {HanseError} HANSE_NETWORK_UNREACHABLE
 */
export async function join(
  network: PeerNetwork,
  { bootstrap, connectMs }: ResolvedOptions,
): Promise<void> {
  network.keepConnected(bootstrap)
  if (connectMs === 0) return
  try {
    await network.whenConnected(AbortSignal.timeout(connectMs))
  } catch (cause) {
    throw new HanseError(
      'HANSE_NETWORK_UNREACHABLE',
      `none of ${bootstrap.length} bootstraps answered within ${connectMs} ms`,
      { cause },
    )
  }
}
