import { TokenBuckets } from './token-buckets.ts'

export interface StreamLimits {
  /** New streams of one protocol that a peer may open in a second, lasting; twice as many at once. */
  readonly perSecond: number
  /** Inbound streams of all peers together. */
  readonly most: number
}

/** What becomes of a new stream: served, reset, or reset together with all that its peer has. */
export type StreamVerdict = 'served' | 'too-often' | 'too-many' | 'flood'

/** Peers and protocols that are remembered, at some 100 bytes each: several times a relay's connections. */
const KEYS_MAX = 16_384
// A gateway that is over its rate backs off within a second. Who is refused two thousand times is not listening.
const REFUSALS_MAX = 2_000
const REFUSALS_PER_SECOND = 20

/** Decides on inbound streams before anything is read of them. */
export class StreamAdmission {
  readonly #limits: StreamLimits
  readonly #opened: TokenBuckets
  readonly #refusals: TokenBuckets
  #open = 0

  constructor(limits: StreamLimits, now: () => number) {
    const { perSecond } = limits
    this.#limits = limits
    this.#opened = new TokenBuckets({ perSecond, burst: 2 * perSecond, keysMax: KEYS_MAX, now })
    this.#refusals = new TokenBuckets({
      perSecond: REFUSALS_PER_SECOND,
      burst: REFUSALS_MAX,
      keysMax: KEYS_MAX,
      now,
    })
  }

  /** Streams that were admitted and not yet released. */
  get open(): number {
    return this.#open
  }

  /** When `served`, call `release` once the stream is closed. */
  admit(peer: string, protocol: string): StreamVerdict {
    if (!this.#opened.take(`${peer} ${protocol}`))
      return this.#refusals.take(peer) ? 'too-often' : 'flood'
    // Not the peer's doing alone, so not counted against it.
    if (this.#open >= this.#limits.most) return 'too-many'
    this.#open++
    return 'served'
  }

  release(): void {
    this.#open--
  }
}
