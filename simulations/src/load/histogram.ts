/** Each step is so much wider than the one below: what is read off lies within 2.5 % of what was put in. */
const GROWTH = 1.05
const LEAST_MS = 0.1
/** Up to 30 minutes. */
const STEPS = Math.ceil(Math.log((30 * 60_000) / LEAST_MS) / Math.log(GROWTH))

/** Durations by size, in memory that does not grow with their number. */
export class Histogram {
  readonly #counts = new Uint32Array(STEPS + 1)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(ms: number): void {
    const step = Math.ceil(Math.log(Math.max(ms, LEAST_MS) / LEAST_MS) / Math.log(GROWTH))
    const at = Math.min(STEPS, step)
    this.#counts[at] = (this.#counts[at] ?? 0) + 1
    this.#count++
  }

  /** The value that `share` (0…1) of all do not exceed, ms; `undefined` of none. */
  percentile(share: number): number | undefined {
    if (this.#count === 0) return undefined
    let left = Math.max(1, Math.ceil(share * this.#count))
    for (const [at, count] of this.#counts.entries()) {
      left -= count
      // In the middle of the step.
      if (left <= 0) return LEAST_MS * GROWTH ** (at - 0.5)
    }
    return undefined
  }
}
