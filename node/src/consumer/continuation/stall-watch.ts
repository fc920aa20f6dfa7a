/** Looks at the silence this often within the longest that is allowed. */
const TICKS = 4
/** A provider may be silent for this many times as long as it has been silent before: that is how it works. */
const GAP_FACTOR = 4

export interface StallWatchOptions {
  /** What to multiply the longest silence by, now that so many payloads have come. */
  readonly patience: (payloads: number) => number
  readonly onStall: () => void
}

/**
 * Notices that a provider says nothing. Only silence counts that somebody waits in: a client that reads slowly is no stall.
 * Time is counted in ticks of one timer, so that a machine that slept, or was too busy to listen, does not blame others.
 */
export class StallWatch {
  readonly #timer: ReturnType<typeof setInterval>
  readonly #options: StallWatchOptions
  #payloads = 0
  #waiting = false
  /** Ticks of silence. */
  #silent = 0
  #longest = 0

  /** @param stallMs the longest silence */
  constructor(stallMs: number, options: StallWatchOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#tick(), stallMs / TICKS)
  }

  /** Payloads came: whoever waited does so no longer. */
  heard(payloads: number): void {
    this.#payloads += payloads
    this.#waiting = false
    if (this.#silent > this.#longest) this.#longest = this.#silent
    this.#silent = 0
  }

  /** Somebody waits for more. */
  wait(): void {
    this.#waiting = true
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #tick(): void {
    if (!this.#waiting) return
    this.#silent++
    if (this.#silent <= Math.max(TICKS, this.#longest * GAP_FACTOR)) return
    const { patience, onStall } = this.#options
    if (this.#silent <= TICKS * patience(this.#payloads)) return
    this.#waiting = false
    onStall()
  }
}
