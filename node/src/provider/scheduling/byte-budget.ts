/** Bytes that may be held at once, by all and by each. */
export class ByteBudget {
  readonly #max: number
  readonly #maxEach: number
  readonly #held = new Map<string, number>()
  #total = 0

  constructor(max: number, maxEach: number) {
    this.#max = max
    this.#maxEach = maxEach
  }

  get held(): number {
    return this.#total
  }

  /** Takes `bytes` for `who`. @returns how to give them back, once; or whose limit is reached */
  take(who: string, bytes: number): (() => void) | 'all' | 'each' {
    const own = this.#held.get(who) ?? 0
    if (own + bytes > this.#maxEach) return 'each'
    if (this.#total + bytes > this.#max) return 'all'
    this.#total += bytes
    this.#held.set(who, own + bytes)
    let taken = true
    return () => {
      if (!taken) return
      taken = false
      this.#total -= bytes
      const rest = (this.#held.get(who) ?? 0) - bytes
      if (rest === 0) this.#held.delete(who)
      else this.#held.set(who, rest)
    }
  }
}
