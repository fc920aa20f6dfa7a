import type { KnownErrorCode } from './routes.ts'

/** Codes are stable, and there may be new ones: programs go on with those they do not know. */
export type ErrorCode = KnownErrorCode | 'HANSE_SETTLEMENT_UNAVAILABLE' | (string & {})

export interface ApiFault {
  readonly code: ErrorCode
  /** What happened. */
  readonly detail: string
  /** What to do about it, in one sentence. */
  readonly advice: string
  /** Of the answer; undefined where there was none. */
  readonly status?: number
  /** Whether the same request may succeed later. */
  readonly retry: boolean
  /** When that may be, milliseconds from now, where the service said it. */
  readonly retryAfterMs?: number
}

/** The service refused, or could not be asked. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly code: ErrorCode
  readonly detail: string
  readonly advice: string
  readonly status: number | undefined
  readonly retry: boolean
  readonly retryAfterMs: number | undefined

  constructor(fault: ApiFault, options?: { readonly cause?: unknown }) {
    super(`${fault.detail} (${fault.code}). ${fault.advice}`, options)
    this.code = fault.code
    this.detail = fault.detail
    this.advice = fault.advice
    this.status = fault.status
    this.retry = fault.retry
    this.retryAfterMs = fault.retryAfterMs
  }
}

/** What an answer that is no success says, whoever gave it: a proxy between here and there knows no problem details. */
export function errorOf(response: Response, body: unknown): ApiError {
  const { status } = response
  const after = retryAfterMs(response)
  const waiting = after === undefined ? {} : { retryAfterMs: after }
  if (!isProblem(body)) {
    const detail = `the service answered ${status} without saying why`
    return new ApiError({ ...unavailable(detail), status, ...waiting })
  }
  const { code, detail, title, retry } = body
  return new ApiError({ code, detail, advice: title, retry: retry === true, status, ...waiting })
}

/** Nobody answered, or not in time. */
export function unreachable(baseUrl: string, cause: unknown): ApiError {
  return new ApiError(unavailable(`${baseUrl} does not answer`), { cause })
}

const unavailable = (detail: string): ApiFault => ({
  code: 'HANSE_SETTLEMENT_UNAVAILABLE',
  detail,
  advice: 'Check that the settlement service runs and is reachable.',
  retry: true,
})

/** In seconds, as this service sends it. */
export function retryAfterMs({ headers }: Response): number | undefined {
  const text = headers.get('retry-after') ?? ''
  return /^\d{1,6}$/u.test(text) ? Number(text) * 1000 : undefined
}

interface Problem {
  readonly code: string
  readonly detail: string
  readonly title: string
  readonly retry?: unknown
}

const isProblem = (body: unknown): body is Problem =>
  typeof body === 'object' &&
  body !== null &&
  ['code', 'detail', 'title'].every(
    (name) => typeof (body as Record<string, unknown>)[name] === 'string',
  )
