/** What was served five minutes ago counts half: a consumer that was greedy at noon is an equal after lunch. */
const HALF_LIFE_MS = 5 * 60_000
/** Below one token there is nothing to remember. */
const FORGET_BELOW = 1
/** Peer ids cost nothing to make; at some 100 bytes each this is a megabyte. */
const CONSUMERS_MAX = 10_000

/**
 * What tokens cost when shares are compared. A token of a prompt is read together with others, one of an answer is made
 * alone; Sheng et al., “Fairness in serving large language models” (2023), weigh them 1 and 2.
 */
export function tokenCost(inputTokens: number, outputTokens: number): number {
  return inputTokens + 2 * outputTokens
}

/** What each consumer was served lately, in weighted tokens that fade. */
export class FairShare {
  readonly #served = new Map<string, { cost: number; at: number }>()

  of(consumer: string, now: number): number {
    const entry = this.#served.get(consumer)
    return entry === undefined ? 0 : faded(entry, now)
  }

  /** Adds `cost`, which is negative where too much was charged before. */
  add(consumer: string, cost: number, now: number): void {
    const next = Math.max(0, this.of(consumer, now) + cost)
    this.#served.delete(consumer)
    if (next < FORGET_BELOW) return
    if (this.#served.size >= CONSUMERS_MAX) this.#prune()
    this.#served.set(consumer, { cost: next, at: now })
  }

  /** Forgets the tenth that was charged longest ago: one by one, each newcomer would cost a walk. */
  #prune(): void {
    for (const consumer of this.#served.keys()) {
      if (this.#served.size <= CONSUMERS_MAX * 0.9) break
      this.#served.delete(consumer)
    }
  }
}

/** A clock that is set back makes nothing grow. */
function faded({ cost, at }: { cost: number; at: number }, now: number): number {
  return cost * 0.5 ** (Math.max(0, now - at) / HALF_LIFE_MS)
}
