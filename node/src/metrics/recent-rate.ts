/** The window over which a rate is told: short enough to follow a burst, long enough not to jump. */
const WINDOW_SECONDS = 10

/** How many a second there were over the last ten seconds, in ten numbers of memory. */
export class RecentRate {
  readonly #now: () => number
  readonly #startedAt: number
  /** Of the second `at`; those of older laps are skipped. */
  readonly #counts: { at: number; count: number }[]

  constructor(now: () => number) {
    this.#now = now
    this.#startedAt = now()
    this.#counts = Array.from({ length: WINDOW_SECONDS + 1 }, () => ({ at: -1, count: 0 }))
  }

  add(count: number): void {
    const at = Math.floor(this.#now() / 1000)
    const slot = this.#counts[at % this.#counts.length]
    if (slot === undefined) return
    if (slot.at !== at) Object.assign(slot, { at, count: 0 })
    slot.count += count
  }

  perSecond(): number {
    const now = this.#now()
    const current = Math.floor(now / 1000)
    // The second that runs is counted as far as it has run, so that the rate does not sag at its beginning.
    const oldest = current - WINDOW_SECONDS
    let sum = 0
    for (const { at, count } of this.#counts) if (at > oldest && at <= current) sum += count
    const covered = Math.min(now - (oldest + 1) * 1000, now - this.#startedAt) / 1000
    return sum === 0 ? 0 : sum / Math.max(covered, 1)
  }
}
