import type { Delta } from '@hanse/protocol'
import type { Host, Scheduled } from '../kernel/index.ts'
import type { EnginePlan } from './scenario.ts'

export interface EngineHandlers {
  readonly input: (tokens: bigint) => void
  readonly deltas: (deltas: readonly Delta[]) => void
  readonly ended: (
    how: 'completed' | 'length' | 'engine-failed',
    usage?: { inputTokens: bigint; cachedInputTokens: bigint },
  ) => void
}

/** An engine that does what its plan says, a chunk at a time. */
export class Engine {
  readonly #host: Host
  readonly #plan: EnginePlan
  readonly #handlers: EngineHandlers
  #next: Scheduled | undefined
  #chunk = 0
  #paused = false
  #stopped = false

  constructor(host: Host, plan: EnginePlan, handlers: EngineHandlers) {
    this.#host = host
    this.#plan = plan
    this.#handlers = handlers
    this.#later()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    if (this.#next === undefined && !this.#stopped) this.#later()
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    if (this.#next !== undefined) this.#next.cancelled = true
    // Whoever runs it hears that it ended, as from an aborted request.
    this.#host.after(1, () => this.#handlers.ended('engine-failed'))
  }

  #later(): void {
    this.#next = this.#host.after(this.#plan.stepMs, () => {
      this.#next = undefined
      if (!this.#stopped && !this.#paused) this.#step()
    })
  }

  #step(): void {
    const { chunks, input, end, inputTokens } = this.#plan
    const usage = { inputTokens: BigInt(inputTokens), cachedInputTokens: BigInt(inputTokens >> 1) }
    if (this.#chunk === 0 && input === 'first') this.#handlers.input(usage.inputTokens)
    const tokens = chunks[this.#chunk]
    if (tokens !== undefined) {
      const payload = chunkOf(this.#chunk++, tokens)
      this.#handlers.deltas([{ tokens, payload }])
      this.#later()
      return
    }
    if (end === 'hangs') return
    this.#stopped = true
    if (end === 'fails') this.#handlers.ended('engine-failed')
    else if (input === 'last') this.#handlers.ended(end, usage)
    else this.#handlers.ended(end)
  }
}

/** Some chunks show less text than the engine counts tokens: every seventh shows none. */
function chunkOf(i: number, tokens: number): Uint8Array {
  const content = 'x'.repeat(i % 7 === 6 ? 0 : tokens + (i % 3))
  return new TextEncoder().encode(`{"choices":[{"delta":{"content":"${content}"}}]}`)
}
