import { EventQueue, type Scheduled } from './event-queue.ts'
import { Random } from './random.ts'
import { Trace } from './trace.ts'

/** Virtual time, its events, the randomness of a run, and what happened. One thread, no real clock, no real network. */
export class Kernel {
  readonly random: Random
  readonly trace = new Trace()
  /** How often each thing happened. */
  readonly counters = new Map<string, number>()
  readonly #queue = new EventQueue()
  #now = 0
  #steps = 0
  #stirred = false
  #fault: unknown

  constructor(seed: string) {
    this.random = new Random(seed)
  }

  /** Virtual milliseconds since the start. */
  get now(): number {
    return this.#now
  }

  get steps(): number {
    return this.#steps
  }

  at(time: number, run: () => void): Scheduled {
    return this.#queue.push(Math.max(time, this.#now), run)
  }

  after(ms: number, run: () => void): Scheduled {
    return this.at(this.#now + ms, run)
  }

  /** Runs the next event, unless none is left until `horizon`. */
  step(horizon = Number.POSITIVE_INFINITY): boolean {
    const next = this.#queue.pop()
    if (next === undefined) return false
    if (next.at > horizon) {
      this.#queue.push(next.at, next.run)
      return false
    }
    this.#now = next.at
    this.#steps++
    next.run()
    return true
  }

  /** Runs all events until `horizon` and moves the time there. @throws {Error} beyond `stepsMax` events: a livelock */
  runUntil(horizon: number, stepsMax = 1_000_000): void {
    const most = this.#steps + stepsMax
    while (this.step(horizon)) if (this.#steps > most) throw new Error('livelock')
    this.#now = Math.max(this.#now, horizon)
  }

  /** Like `runUntil`, for programs that wait for promises: they run on before time does. */
  async runAllUntil(horizon: number): Promise<void> {
    while (this.step(horizon)) {
      if (!this.#stirred) continue
      this.#stirred = false
      await new Promise((resolve) => setImmediate(resolve))
      if (this.#fault !== undefined) throw this.#fault
    }
    this.#now = Math.max(this.#now, horizon)
  }

  /** A promise was settled, or begins to be waited for: what follows from it happens at this time. */
  stir(): void {
    this.#stirred = true
  }

  /** Ends the run, from within a promise. */
  fail(fault: unknown): void {
    this.#fault ??= fault
    this.stir()
  }

  count(name: string, by = 1): void {
    this.counters.set(name, (this.counters.get(name) ?? 0) + by)
  }

  log(who: string, what: string): void {
    this.trace.add(`${this.#now.toFixed(3)} ${who} ${what}`)
  }
}
