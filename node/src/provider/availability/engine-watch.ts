import { setTimeout as delay } from 'node:timers/promises'
import type { Engine, EngineHealth } from '../../engine/index.ts'

export interface EngineWatchOptions {
  readonly engines: readonly Engine[]
  readonly everyMs: number
  /** An engine that was ready does not answer, or one that was not does again. */
  readonly onChange: () => void
}

/** An engine that loads a large model may be slow to answer; one alone says little. */
const CHECKS_MAX = 2
/** Of one check. */
const HEALTH_MS = 5_000
/** While something is not well: a model that starts again is back within a second or two, and is then to be sold. */
const UNWELL_MS = 1_000

/** Knows which engines can be counted on, so that nobody is sold an answer that cannot be made. */
export class EngineWatch implements AsyncDisposable {
  readonly #options: EngineWatchOptions
  readonly #stopping = new AbortController()
  readonly #unready = new Map<Engine, number>()
  /** Models that their engine says it cannot run now. */
  readonly #failed = new Map<Engine, ReadonlySet<string>>()
  #running: Promise<void> | undefined
  #woken = Promise.withResolvers<void>()

  constructor(options: EngineWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#running ??= this.#watch()
  }

  /** Looks again at once: an order has just failed. */
  wake(): void {
    this.#woken.resolve()
  }

  /** Whether the engine answers and does not say that the model is broken. */
  runs(engine: Engine, engineModel: string): boolean {
    return this.#isUp(engine) && this.#failed.get(engine)?.has(engineModel) !== true
  }

  /** Names of engines that do not answer. */
  down(): string[] {
    return this.#options.engines.filter((engine) => !this.#isUp(engine)).map(({ name }) => name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  #isUp(engine: Engine): boolean {
    return (this.#unready.get(engine) ?? 0) < CHECKS_MAX
  }

  async #watch(): Promise<void> {
    const { engines, everyMs } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const waitMs = this.#isWell() ? everyMs : Math.min(everyMs, UNWELL_MS)
      const timer = delay(waitMs, undefined, { signal, ref: false }).catch(() => {})
      await Promise.race([timer, this.#woken.promise])
      // Before the look: what fails in its middle is to be looked at again.
      this.#woken = Promise.withResolvers()
      const before = this.#state()
      await Promise.all(engines.map(async (engine) => await this.#look(engine)))
      if (!signal.aborted && this.#state() !== before) this.#options.onChange()
    }
  }

  async #look(engine: Engine): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(HEALTH_MS)])
    const health: EngineHealth = await engine.health(signal)
    if (this.#stopping.signal.aborted) return
    this.#unready.set(engine, health.ready ? 0 : (this.#unready.get(engine) ?? 0) + 1)
    const failed = health.models.filter(({ state }) => state === 'failed').map(({ id }) => id)
    this.#failed.set(engine, new Set(failed))
  }

  #isWell(): boolean {
    return (
      [...this.#unready.values()].every((times) => times === 0) &&
      [...this.#failed.values()].every((models) => models.size === 0)
    )
  }

  #state(): string {
    const failed = [...this.#failed.values()].map((models) => [...models].sort().join(' '))
    return [...this.down(), ...failed].join('\n')
  }
}
