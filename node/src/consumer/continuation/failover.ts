import type { ErrorCode, FinalReason, HanseError } from '@hanse/protocol'
import type { AnswerPart } from '../answer.ts'
import type { Method } from './ways-on.ts'

export interface FailoverSettings {
  /** Other providers that may go on with one answer, one after the other; 0 for none. */
  readonly max: number
  /** Longest silence in the middle of an answer, ms. A provider that is slow all along gets more. */
  readonly stallMs: number
}

/** Three are as many as a market of a few providers has besides the first; half a minute is what people wait for a sign of life. */
export const FAILOVER_DEFAULTS: FailoverSettings = { max: 3, stallMs: 30_000 }

/** An answer goes on at another provider. */
export interface Failover {
  readonly from: AnswerPart
  readonly to: AnswerPart
  readonly reason: FinalReason | 'stalled'
  readonly method: Method
  /** What the client has of the answer by then, tokens. */
  readonly deliveredTokens: number
}

/** Ends that are the provider's, or nobody's: another one may do better. */
const OF_ONE_PROVIDER: ReadonlySet<FinalReason> = new Set<FinalReason>([
  'consumer-unreachable',
  'provider-unreachable',
  'receipt-refused',
  'window-exhausted',
  'authorization-exhausted',
  'engine-failed',
  'draining',
  'protocol-violation',
  'too-many-receipts',
])

export function mayDoBetter(reason: FinalReason): boolean {
  return OF_ONE_PROVIDER.has(reason)
}

const PASSING: ReadonlySet<ErrorCode> = new Set([
  'HANSE_CAPACITY',
  'HANSE_CONNECTION_LIMIT',
  'HANSE_RATE_LIMITED',
  'HANSE_PROVIDER_UNREACHABLE',
])

/** Whether those who could go on may do so in a moment; without a time, nobody to ask is for good. */
export function isPassing({ code, retryAfterMs }: HanseError): boolean {
  return PASSING.has(code) || (code === 'HANSE_NO_PROVIDER' && retryAfterMs !== undefined)
}
