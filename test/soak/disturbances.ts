import { setTimeout as sleep } from 'node:timers/promises'
import { DOUBLE_FAULTS, type DoubleFault } from '../support/engine-double.ts'
import { pick, type Random } from './random.ts'
import type { SoakMarket } from './soak-market.ts'

export interface DisturbanceTimes {
  /** Between two disturbances. */
  readonly everyMs: number
  readonly lastMs: number
  /** For an offer to be found again, and answers that began before to end. */
  readonly graceMs: number
}

const FAULTS = DOUBLE_FAULTS.filter((fault) => fault !== 'none')
/** One in so many is a pause by the owner. */
const PAUSE_EVERY = 5

/** Breaks things on purpose, one at a time: the engine in every way it can break, pauses by the owner, and the relay once. */
export class Disturbances {
  /** What was done, and how often. */
  readonly done = new Map<string, number>()
  readonly #market: SoakMarket
  readonly #random: Random
  readonly #times: DisturbanceTimes
  #untilMs = 0

  constructor(market: SoakMarket, random: Random, times: DisturbanceTimes) {
    this.#market = market
    this.#random = random
    this.#times = times
  }

  /** Whether something is broken now, or was a moment ago. */
  get active(): boolean {
    return performance.now() < this.#untilMs
  }

  /** Until the signal; the relay is restarted after `relayAtMs`. Leaves everything whole. */
  async run(signal: AbortSignal, relayAtMs: number): Promise<void> {
    const { everyMs, lastMs } = this.#times
    const started = performance.now()
    let relayDue = true
    for (let n = 1; ; n++) {
      await sleep(everyMs, undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      if (relayDue && performance.now() - started >= relayAtMs) {
        relayDue = false
        await this.#during('relay restarted', async () => await this.#market.restartRelay())
      } else if (n % PAUSE_EVERY === 0) {
        await this.#pause(signal, lastMs)
      } else {
        const fault = pick(this.#random, FAULTS)
        await this.#during(
          `engine: ${fault}`,
          async () => await this.#engine(fault, signal, lastMs),
        )
      }
    }
  }

  async #pause(signal: AbortSignal, lastMs: number): Promise<void> {
    const owner = this.#market.control('provider')
    await this.#during('paused and resumed', async () => {
      await owner.pause()
      await sleep(lastMs, undefined, { signal }).catch(() => {})
      await owner.resume()
    })
  }

  async #engine(fault: DoubleFault, signal: AbortSignal, lastMs: number): Promise<void> {
    await this.#switch(fault)
    await sleep(lastMs, undefined, { signal }).catch(() => {})
    await this.#switch('none')
  }

  async #switch(fault: DoubleFault): Promise<void> {
    await fetch(`${this.#market.engineUrl}/_double`, {
      method: 'POST',
      body: JSON.stringify({ fault }),
    })
  }

  async #during(what: string, run: () => Promise<void>): Promise<void> {
    this.done.set(what, (this.done.get(what) ?? 0) + 1)
    this.#untilMs = Number.POSITIVE_INFINITY
    try {
      await run()
    } finally {
      this.#untilMs = performance.now() + this.#times.graceMs
    }
  }
}
