/** What was made ten busy minutes ago counts half. */
const HALF_LIFE_MS = 10 * 60_000
/** With less the figure would jump with every batch. */
const BUSY_MS_MIN = 1_000

/** Tokens of all answers of a model, and the time in which at least one ran: what a second of work yields. */
export class BusyTime {
  #tokens = 0
  #ms = 0
  /** Since when it is busy and not yet counted; `undefined` while idle. */
  #since: number | undefined

  /** From now on it is busy, or idle. */
  turn(busy: boolean, now: number): void {
    this.#count(now)
    this.#since = busy ? now : undefined
  }

  add(tokens: number, now: number): void {
    this.#count(now)
    this.#tokens += tokens
  }

  get tokensPerSecond(): number | undefined {
    return this.#ms < BUSY_MS_MIN || this.#tokens === 0
      ? undefined
      : (this.#tokens * 1000) / this.#ms
  }

  #count(now: number): void {
    if (this.#since === undefined) return
    const elapsed = Math.max(0, now - this.#since)
    const kept = 0.5 ** (elapsed / HALF_LIFE_MS)
    this.#tokens *= kept
    this.#ms = this.#ms * kept + elapsed
    this.#since = now
  }
}
