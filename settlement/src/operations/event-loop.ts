import { monitorEventLoopDelay } from 'node:perf_hooks'

const SAMPLE_MS = 1_000
const RESOLUTION_MS = 20
/** One long step, such as the start of the program, is no sign of too much work; three bad seconds in a row are. */
const BAD_SAMPLES = 3

/** Watches how long what is due in this thread waits for its turn. */
export class EventLoopWatch implements Disposable {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  readonly #timer: NodeJS.Timeout
  readonly #limitMs: number
  #bad = 0

  /** @param limitMs mean delay of a second above which it is a bad one */
  constructor(limitMs: number) {
    this.#limitMs = limitMs
    this.#histogram.enable()
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref()
  }

  get isOverloaded(): boolean {
    return this.#bad >= BAD_SAMPLES
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#histogram.disable()
  }

  #sample(): void {
    const { count, mean } = this.#histogram
    const delayMs = count === 0 ? 0 : mean / 1e6 - RESOLUTION_MS
    this.#bad = delayMs > this.#limitMs ? this.#bad + 1 : 0
    this.#histogram.reset()
  }
}
