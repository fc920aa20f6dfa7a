import type { AnswerSample } from './answer-speed.ts'

/** Times one answer. Waits that the consumer caused are left out: they say nothing of the engine. */
export class AnswerMeter {
  readonly #inputTokens: number
  readonly #grantedAt: number
  #firstTokenMs: number | undefined
  #lastAt: number | undefined
  #stalled = false
  #decodedTokens = 0
  #decodeMs = 0
  #outputTokens = 0

  constructor(inputTokens: number, grantedAt: number) {
    this.#inputTokens = inputTokens
    this.#grantedAt = grantedAt
  }

  firstToken(now: number): void {
    this.#firstTokenMs ??= Math.max(0, now - this.#grantedAt)
    this.#lastAt ??= now
  }

  tokens(count: number, now: number): void {
    const last = this.#lastAt
    this.firstToken(now)
    this.#outputTokens += count
    // The first batch belongs to the time to the first token.
    if (last !== undefined && !this.#stalled) {
      this.#decodedTokens += count
      this.#decodeMs += Math.max(0, now - last)
    }
    this.#stalled = false
    this.#lastAt = now
  }

  /** The engine was held back: what it made meanwhile comes at once, and does not count. */
  stall(): void {
    this.#stalled = true
  }

  sample(whole: boolean): AnswerSample {
    return {
      inputTokens: this.#inputTokens,
      firstTokenMs: this.#firstTokenMs,
      decodedTokens: this.#decodedTokens,
      decodeMs: this.#decodeMs,
      outputTokens: this.#outputTokens,
      whole,
    }
  }
}
