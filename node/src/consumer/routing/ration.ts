/** Lets a bounded share of things happen: of any number of them, at most `share` and one more. */
export class Ration {
  readonly #share: number
  readonly #most: number
  #left = 0

  /** @param share 0 to 1; @param burst how many may come in a row after a time without */
  constructor(share: number, burst = 1) {
    this.#share = share
    this.#most = Math.max(burst, share)
  }

  /** One more has come of which a share may be taken. */
  earn(): void {
    this.#left = Math.min(this.#left + this.#share, this.#most)
  }

  get isLeft(): boolean {
    // A share such as 0.1 adds up to a little less than one.
    return this.#left >= 1 - 1e-9
  }

  take(): boolean {
    if (!this.isLeft) return false
    this.#left -= 1
    return true
  }
}
