import { TokenBuckets } from './token-buckets.ts'

export interface RelayLimits {
  /** Nodes that may be reached through this relay. */
  readonly reservations: number
  /** Of them, behind one IPv4 address or one /64 of IPv6. Private addresses do not count in a LAN. */
  readonly reservationsPerAddress: number
  /** Connections carried at once for one peer, on either end. */
  readonly circuitsPerPeer: number
  /** Bytes that a relayed connection carries in each direction; 0 for no limit. */
  readonly dataLimit: bigint
  /** How long it lasts; 0 for no limit. */
  readonly durationMs: number
}

export const RELAY_LIMITS: RelayLimits = {
  reservations: 512,
  reservationsPerAddress: 16,
  circuitsPerPeer: 128,
  // Some five million tokens: many sessions, and no film library.
  dataLimit: 1n << 30n,
  durationMs: 0,
}

// A gateway opens one connection to each provider, and again when one is used up.
const OPENS_PER_SECOND = 2
const OPENS_BURST = 64
const SOURCES_MAX = 8_192

/** Counts what a relay carries, and for whom. */
export class RelayLedger {
  readonly #limits: RelayLimits
  readonly #circuits = new Map<string, number>()
  readonly #opens: TokenBuckets

  constructor(limits: RelayLimits, now: () => number) {
    this.#limits = limits
    this.#opens = new TokenBuckets({
      perSecond: OPENS_PER_SECOND,
      burst: OPENS_BURST,
      keysMax: SOURCES_MAX,
      now,
    })
  }

  /** Whether `source` may be connected to `destination` now. */
  admits(source: string, destination: string): boolean {
    const most = this.#limits.circuitsPerPeer
    const isFull = (peer: string): boolean => (this.#circuits.get(peer) ?? 0) >= most
    return !isFull(source) && !isFull(destination) && this.#opens.take(source)
  }

  /** A connection is carried from now on. @returns what to call once, when it has ended */
  open(source: string, destination: string): () => void {
    this.#add(source, 1)
    this.#add(destination, 1)
    return () => {
      this.#add(source, -1)
      this.#add(destination, -1)
    }
  }

  #add(peer: string, by: number): void {
    const count = (this.#circuits.get(peer) ?? 0) + by
    if (count <= 0) this.#circuits.delete(peer)
    else this.#circuits.set(peer, count)
  }
}
