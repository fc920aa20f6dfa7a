import type { Peer, PeerStore } from '@libp2p/interface'

/** Some 200 bytes each. */
const PEERS_MAX = 1_024
/** What the store forgets meanwhile is told it again after this, ms. */
const KNOWN_MS = 60_000

/**
 * libp2p tells its peer store the protocol of every stream, which reads and writes the whole peer: as much as an order costs.
 * From here on it is told once a minute that a peer speaks what it was told before.
 */
export function tellProtocolsOnce(store: PeerStore, now: () => number): void {
  const known = new Map<string, { readonly peer: Peer; readonly until: number }>()
  const merge = store.merge.bind(store)
  store.merge = async (id, data, options) => {
    const { protocols = [], ...others } = data
    const key = id.toString()
    const last = known.get(key)
    const isNews =
      Object.keys(others).length > 0 ||
      last === undefined ||
      last.until <= now() ||
      protocols.some((protocol) => !last.peer.protocols.includes(protocol))
    if (!isNews) return last.peer
    known.delete(key)
    const peer = await merge(id, data, options)
    if (known.size >= PEERS_MAX) known.clear()
    known.set(key, { peer, until: now() + KNOWN_MS })
    return peer
  }
  for (const method of ['save', 'patch', 'delete'] as const) {
    const change = store[method].bind(store) as (...args: unknown[]) => unknown
    Reflect.set(store, method, (id: { toString(): string }, ...rest: unknown[]) => {
      known.delete(id.toString())
      return change(id, ...rest)
    })
  }
}
