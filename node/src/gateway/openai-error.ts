import { ERRORS, HanseError, isErrorCode } from '@hanse/protocol'

export interface OpenAiError {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string
  }
}

/** The error object that OpenAI clients read: what happened, then what to do. */
export function openAiError(fault: HanseError, param: string | null = null): OpenAiError {
  const { type, advice } = ERRORS[fault.code]
  return {
    error: { message: `${sentence(fault.message)} ${advice}`, type, param, code: fault.code },
  }
}

/** Headers that tell clients whether and when to try again: they retry 5xx by themselves, and we already did. */
export function retryHeaders(fault: HanseError): Record<string, string> {
  if (fault.retryAfterMs === undefined) return { 'x-should-retry': 'false' }
  return {
    'retry-after': String(Math.ceil(fault.retryAfterMs / 1000)),
    'retry-after-ms': String(fault.retryAfterMs),
  }
}

/** Any fault as ours. What we did not foresee says nothing about its cause to the outside. */
export function toHanseError(error: unknown): HanseError {
  if (error instanceof HanseError) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new HanseError('HANSE_REQUEST_TOO_LARGE', 'the body is too large')
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE' || code === 'FST_ERR_CTP_EMPTY_JSON_BODY') {
    return new HanseError('HANSE_REQUEST_JSON', 'the body is not application/json')
  }
  if (isErrorCode(code)) return new HanseError(code, error instanceof Error ? error.message : code)
  return new HanseError('HANSE_INTERNAL', 'the gateway failed', { cause: error })
}

function sentence(text: string): string {
  const trimmed = text.trim()
  return /[.!?]$/u.test(trimmed) ? trimmed : `${trimmed}.`
}
