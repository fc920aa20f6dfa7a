import type { ErrorCode, HanseError } from '@hanse/protocol'
import type { Breaker } from './breaker.ts'
import { type Measurements, promptScale } from './measurements.ts'
import { type Verdict, verdictOf } from './verdict.ts'

/** How a session ended that had begun. */
export interface Ending {
  readonly code: ErrorCode | undefined
  /** Nobody waited for it any more. */
  readonly cancelled: boolean
  /** That came, and were agreed on. */
  readonly outputTokens: number
}

export interface AttemptOptions {
  readonly provider: string
  readonly model: string
  /** Tokens a second, as the offer says. */
  readonly claimed: number | null
  /** An estimate, tokens. */
  readonly inputTokens: number
  readonly measurements: Measurements
  readonly breaker: Breaker
  readonly now: () => number
  /** In [0, 1). */
  readonly random: () => number
  /** It runs no more. */
  readonly onDone: () => void
}

/** Fewer tokens come in one or two batches: their time is that of the network. */
const SPEED_TOKENS_MIN = 16

/** One order, and what is learned from it. Each of its ends counts once, whichever is told first. */
export class Attempt {
  readonly #options: AttemptOptions
  readonly #orderedAt: number
  #firstTokenAt: number | undefined
  #judged = false
  #cancelled = false

  constructor(options: AttemptOptions) {
    this.#options = options
    this.#orderedAt = options.now()
    options.breaker.asked(this.#orderedAt)
  }

  get startedAt(): number {
    return this.#orderedAt
  }

  firstToken(): void {
    const { measurements, breaker, provider, model, now } = this.#options
    this.#firstTokenAt = now()
    breaker.answering()
    measurements.firstToken(provider, model, this.#scaled(now()), now())
  }

  /** It was cancelled before its first token. That has taken at least until now, which is no better than that. */
  lost(lateMs: number): void {
    if (this.#judged || this.#firstTokenAt !== undefined) return
    const { measurements, provider, model, now } = this.#options
    const waited = now() - this.#orderedAt
    measurements.firstToken(provider, model, this.#scaled(now()), now())
    if (waited >= lateMs) this.#fail(false)
    else this.#judge(() => this.#options.breaker.noVerdict())
  }

  /** It came to nothing. @param ordered whether the provider was sent the order */
  failed({ code, retryAfterMs }: HanseError, ordered: boolean, cancelled: boolean): Verdict {
    const verdict = verdictOf(code, { ordered, cancelled })
    const { breaker, now } = this.#options
    if (verdict === 'failed') this.#fail(code === 'HANSE_PROVIDER_UNREACHABLE')
    else
      this.#judge(() => {
        if (verdict === 'declined') breaker.declined(now(), retryAfterMs)
        else breaker.noVerdict()
      })
    return verdict
  }

  /** This side takes the order back: what it ends with says nothing of the provider. */
  cancelled(): void {
    this.#cancelled = true
  }

  /** It had begun, and is over. */
  ended({ code, cancelled, outputTokens }: Ending): void {
    const { measurements, provider, model, claimed, now } = this.#options
    const began = this.#firstTokenAt
    const circumstances = { ordered: true, cancelled: cancelled || this.#cancelled }
    const verdict = code === undefined ? undefined : verdictOf(code, circumstances)
    if (began !== undefined && outputTokens >= SPEED_TOKENS_MIN) {
      const tokenMs = Math.max(0, now() - began) / (outputTokens - 1)
      measurements.speed(provider, model, tokenMs, claimed, now())
    }
    if (verdict === 'failed') this.#fail(false)
    else if (verdict !== undefined) this.#judge(() => this.#options.breaker.noVerdict())
    else
      this.#judge(() => {
        measurements.outcome(provider, model, false, now())
        measurements.length(provider, model, outputTokens, now())
        this.#options.breaker.succeeded(now())
      })
  }

  #scaled(now: number): number {
    return Math.max(0, now - this.#orderedAt) / promptScale(this.#options.inputTokens)
  }

  #fail(dead: boolean): void {
    const { measurements, breaker, provider, model, now, random } = this.#options
    this.#judge(() => {
      measurements.outcome(provider, model, true, now())
      breaker.failed(now(), dead, random())
    })
  }

  #judge(tell: () => void): void {
    if (this.#judged) return
    this.#judged = true
    tell()
    this.#options.onDone()
  }
}
