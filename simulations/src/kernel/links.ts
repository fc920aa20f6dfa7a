import type { Kernel } from './kernel.ts'
import type { Random } from './random.ts'

/** How a link between two hosts behaves. */
export interface LinkQuality {
  /** Least time on the way, milliseconds. */
  readonly latencyMs: number
  /** Mean of what comes on top, exponentially distributed. */
  readonly jitterMs: number
  /** Of packets, 0 to 1. */
  readonly loss: number
  /** Of calls that arrive twice, 0 to 1. */
  readonly duplication: number
}

/** Nothing passes between two hosts for a while; `*` is every host. */
export interface Partition {
  readonly a: string
  readonly b: string
  /** Virtual milliseconds. */
  readonly from: number
  readonly to: number
}

/** TCP sends a lost packet again after about this time, and doubles it. */
const RETRANSMIT_MS = 200

/** When things arrive, if they do. */
export class Links {
  readonly #kernel: Kernel
  readonly #random: Random
  readonly #quality: LinkQuality
  readonly #partitions: readonly Partition[]

  constructor(
    kernel: Kernel,
    random: Random,
    quality: LinkQuality,
    partitions: readonly Partition[],
  ) {
    this.#kernel = kernel
    this.#random = random
    this.#quality = quality
    this.#partitions = partitions
  }

  /** When a packet sent now arrives on a link that repeats what was lost. */
  arrival(a: string, b: string): number {
    let at = this.#kernel.now
    for (let wait = RETRANSMIT_MS; ; wait = Math.min(2 * wait, 10_000)) {
      const blocked = this.#blockedUntil(a, b, at)
      if (blocked === undefined && !this.#random.chance(this.#quality.loss)) break
      at += wait
    }
    return at + this.delay()
  }

  delay(): number {
    return this.#quality.latencyMs + this.#random.exponential(this.#quality.jitterMs)
  }

  /** Whether a single message sent now gets lost. */
  loses(a: string, b: string): boolean {
    return (
      this.#blockedUntil(a, b, this.#kernel.now) !== undefined ||
      this.#random.chance(this.#quality.loss)
    )
  }

  duplicates(): boolean {
    return this.#random.chance(this.#quality.duplication)
  }

  #blockedUntil(a: string, b: string, at: number): number | undefined {
    const blocking = this.#partitions.find(
      (p) => p.from <= at && at < p.to && (joins(p, a, b) || joins(p, b, a)),
    )
    return blocking?.to
  }
}

function joins(partition: Partition, a: string, b: string): boolean {
  return (partition.a === '*' || partition.a === a) && (partition.b === '*' || partition.b === b)
}
