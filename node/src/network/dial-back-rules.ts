import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { ipOf, isRelayed, kindOfIp } from './address-kinds.ts'

export interface Asker {
  readonly peer: string
  /** Where its connection comes from; through a relay, no address is its own. */
  readonly remote: Multiaddr
}

/**
 * Which address a node dials because a peer asked it to. Only such as prove the peer's own identity, and only at the
 * address that the question itself comes from, or through a relay that this node has a connection to: otherwise anybody
 * could point every node of the network at a stranger.
 *
 * @returns why not, or the address to dial
 */
export function allowedToDial(
  asked: string,
  asker: Asker,
  { lan, isConnected }: { lan: boolean; isConnected: (peer: string) => boolean },
): 'malformed' | 'not-allowed' | Multiaddr {
  let address: Multiaddr
  try {
    address = multiaddr(asked)
  } catch {
    return 'malformed'
  }
  const parts = address.getComponents()
  const last = parts.at(-1)
  const ip = ipOf(address)
  if (last?.name !== 'p2p' || last.value !== asker.peer) return 'not-allowed'
  // A name may resolve to anything.
  if (ip === undefined || parts.some(({ name }) => name.startsWith('dns'))) return 'not-allowed'
  if (isRelayed(address)) {
    const relays = parts.filter(({ name }) => name === 'p2p-circuit').length
    const relay = parts.find(({ name }) => name === 'p2p')?.value
    return relays === 1 && relay !== undefined && isConnected(relay) ? address : 'not-allowed'
  }
  if (lan && kindOfIp(ip) !== 'public') return address
  const isOwn = !isRelayed(asker.remote) && ipOf(asker.remote) === ip
  return isOwn ? address : 'not-allowed'
}
