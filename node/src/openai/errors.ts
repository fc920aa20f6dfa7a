import { ERRORS, HanseError } from '@hanse/protocol'
import { RefusedAtGate } from './admission.ts'
import { FieldError } from './field-error.ts'

export interface OpenAiError {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string
  }
}

/** The error object that OpenAI clients read: what happened, then what to do. */
export function openAiError(fault: HanseError): OpenAiError {
  const { type, advice } = ERRORS[fault.code]
  const param = fault instanceof FieldError ? fault.param : null
  return {
    error: { message: `${sentence(fault.message)} ${advice}`, type, param, code: fault.code },
  }
}

/** Headers of an answer that is an error: whether and when to try again. Clients retry 5xx by themselves, and we already did. */
export function errorHeaders(fault: HanseError): Record<string, string> {
  const refused = fault instanceof RefusedAtGate ? fault.headers : {}
  const wait = fault.retryAfterMs ?? (ERRORS[fault.code].http === 429 ? BUSY_MS : undefined)
  if (wait === undefined) return { 'x-should-retry': 'false', ...refused }
  return {
    'retry-after': String(Math.ceil(wait / 1000)),
    'retry-after-ms': String(Math.ceil(wait)),
    ...refused,
  }
}

/** When whoever is busy does not say for how long: a short answer takes about as much. */
const BUSY_MS = 1_000

/** Any fault as ours. What we did not foresee says nothing about its cause to the outside. */
export function faultOf(error: unknown): HanseError {
  if (error instanceof HanseError) return error
  if (error instanceof Error && error.name === 'AbortError')
    return new HanseError('HANSE_SESSION_CANCELLED', 'the client went away', { cause: error })
  return new HanseError('HANSE_INTERNAL', 'the request failed in this node', { cause: error })
}

function sentence(text: string): string {
  const trimmed = text.trim()
  return /[.!?]$/u.test(trimmed) ? trimmed : `${trimmed}.`
}
