import { setTimeout as sleep } from 'node:timers/promises'
import { askOnce } from './ask.ts'
import { Tally } from './tally.ts'

/** After a failure, so that what fails at once does not become a flood of its own. */
const REST_MS = 200

/** Clients that ask again as soon as they have their answer, so many at a time, each of its gateway. */
export class Clients {
  readonly #model: string
  readonly #tallies = new Set<Tally>()
  readonly #running = new Set<Promise<void>>()
  #gateways: readonly string[] = []
  #wanted = 0
  /** Each client has a number; those from `#wanted` on stop. */
  readonly #numbers = new Set<number>()

  constructor(model: string) {
    this.#model = model
  }

  /** So many at once from now on, spread over the gateways. */
  set(atOnce: number, gateways: readonly string[]): void {
    this.#gateways = gateways
    this.#wanted = gateways.length === 0 ? 0 : atOnce
    for (let number = 0; number < this.#wanted; number++) {
      if (this.#numbers.has(number)) continue
      this.#numbers.add(number)
      const running = this.#ask(number).finally(() => this.#running.delete(running))
      this.#running.add(running)
    }
  }

  /** Counts from now on, until it is told to stop. */
  count(): { readonly tally: Tally; readonly stop: () => void } {
    const tally = new Tally()
    this.#tallies.add(tally)
    return { tally, stop: () => void this.#tallies.delete(tally) }
  }

  /** Asks no more, and waits for what was asked. */
  async stop(): Promise<void> {
    this.#wanted = 0
    await Promise.all(this.#running)
  }

  async #ask(number: number): Promise<void> {
    while (number < this.#wanted) {
      const gateway = this.#gateways[number % this.#gateways.length] ?? ''
      const ask = await askOnce(gateway, this.#model)
      for (const tally of this.#tallies) tally.add(ask)
      if (ask.outcome !== 'served') await sleep(REST_MS)
    }
    this.#numbers.delete(number)
  }
}
