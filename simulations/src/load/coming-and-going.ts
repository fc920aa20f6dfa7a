import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../kernel/random.ts'
import { nextDeparture } from './churn.ts'
import type { LoadNetwork } from './network.ts'

/** Takes providers away and brings them back, until it is told to stop; then all are there again. */
export class ComingAndGoing {
  readonly done = { kills: 0, leaves: 0, returns: 0 }
  readonly #network: LoadNetwork
  readonly #random: Random
  readonly #everySeconds: number
  readonly #returning = new Set<Promise<void>>()

  constructor(network: LoadNetwork, random: Random, everySeconds: number) {
    this.#network = network
    this.#random = random
    this.#everySeconds = everySeconds
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let turn = 0; !signal.aborted; turn++) {
      const { there, providers } = this.#network
      const everySeconds = this.#everySeconds
      const next = nextDeparture(this.#random, turn, there, providers.length, everySeconds)
      await wait(next?.afterSeconds ?? everySeconds, signal)
      if (next === undefined || signal.aborted) continue
      await this.#network.depart(next.provider, next.how)
      this.done[next.how === 'kill' ? 'kills' : 'leaves']++
      const back = this.#comeBack(next.provider, next.awaySeconds, signal)
      this.#returning.add(back)
      back.then(
        () => this.#returning.delete(back),
        // It stays, and is thrown below.
        () => {},
      )
    }
    await Promise.all(this.#returning)
  }

  async #comeBack(provider: string, awaySeconds: number, signal: AbortSignal): Promise<void> {
    await wait(awaySeconds, signal)
    await this.#network.comeBack(provider)
    this.done.returns++
  }
}

async function wait(seconds: number, signal: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal }).catch(() => {})
}
