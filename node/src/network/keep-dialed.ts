import type { Connection, Libp2p, PeerId } from '@libp2p/interface'
import { pause } from './pause.ts'

// The bootstrap module dials once, and a peer that starts later or comes back is never dialed again:
// a node that loses its last connection would stay alone for good. Five seconds is soon enough for a
// restart and rare enough for a host that is gone.
const REDIAL_MS = 5_000

const DIAL_MS = 5_000

/** Dials `address` whenever its peer is not connected. Resolves after `stop`, and never rejects. */
export async function keepDialed(
  libp2p: Libp2p,
  address: Connection['remoteAddr'],
  stop: AbortSignal,
  redialMs: number = REDIAL_MS,
): Promise<void> {
  // An address may lack the peer id; then the first answer tells it.
  let peer: PeerId | undefined
  while (!stop.aborted) {
    if (peer === undefined || libp2p.getConnections(peer).length === 0) {
      peer = (await dial(libp2p, address, stop))?.remotePeer ?? peer
    }
    await pause(redialMs, stop)
  }
}

async function dial(
  libp2p: Libp2p,
  address: Connection['remoteAddr'],
  stop: AbortSignal,
): Promise<Connection | undefined> {
  try {
    return await libp2p.dial(address, {
      signal: AbortSignal.any([stop, AbortSignal.timeout(DIAL_MS)]),
    })
  } catch {
    // Not there now; the next round tries again.
    return undefined
  }
}
