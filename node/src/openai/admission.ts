import { type ErrorCode, HanseError } from '@hanse/protocol'
import type { Account, RequestPolicy } from '../consumer/request.ts'
import type { RequestKind } from '../engine/engine.ts'

/** What is known of a request before anybody is asked to answer it. Never a word of the prompt. */
export interface RequestFacts {
  /** `x-request-id` of the answer. */
  readonly id: string
  readonly kind: RequestKind
  /** As the client asked for it, and what it takes instead, in order. */
  readonly model: string
  readonly fallbackModels: readonly string[]
  readonly stream: boolean
  /** Answers that are asked for at once. */
  readonly choices: number
  /** Most tokens of all choices together, where the client gave a limit. */
  readonly maxOutputTokens: number | undefined
  readonly bodyBytes: number
  /** For the spend, in the client's own words. */
  readonly tags: readonly string[]
  /** Whom the client asks for. No provider is told; the organization's own settlement only where the owner wants that. */
  readonly user: string | undefined
}

/** How a request ended, as far as its caller is concerned. */
export interface RequestEnd {
  /** HTTP status of the answer. A stream that breaks after its head is 200, with an error. */
  readonly status: number
  readonly error: ErrorCode | undefined
  /** Taken from the cache, or from an answer to the same idempotency key: nobody was paid for it. */
  readonly replayed: boolean
  /** Tokens, as the usage of the answer has them; 0 when there was none. */
  readonly inputTokens: number
  readonly outputTokens: number
  /** CIDs of the orders that gave the answer. */
  readonly sessions: readonly string[]
}

/** A request that may run. */
export interface Admission {
  /** Whose money it costs, where there are budgets. */
  readonly account?: Account | undefined
  /** Narrows what the request itself asks for: both must hold. See `narrowed`. */
  readonly limits?:
    | Pick<RequestPolicy, 'regions' | 'minLevel' | 'evidence' | 'maxInputPrice' | 'maxOutputPrice'>
    | undefined
  /** Most tokens of one order, whatever the request says. */
  readonly maxOutputTokens?: number | undefined
  /** Aborted, with a HanseError for its reason, when what was admitted may not go on. */
  readonly signal?: AbortSignal | undefined
  /** For the answer, whatever becomes of it, such as `x-ratelimit-remaining-requests`. */
  readonly headers?: Readonly<Record<string, string>>
  /** Called once for each admitted request, when nothing of it runs any more. */
  readonly onEnd?: (end: RequestEnd) => void
}

/** A refusal that says more in headers than an error object can. */
export class RefusedAtGate extends HanseError {
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ErrorCode,
    message: string,
    options: { headers?: Readonly<Record<string, string>>; retryAfterMs?: number } = {},
  ) {
    super(
      code,
      message,
      options.retryAfterMs === undefined ? {} : { retryAfterMs: options.retryAfterMs },
    )
    this.headers = options.headers ?? {}
  }
}
