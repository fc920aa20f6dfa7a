import { ERRORS, type ErrorCode, HanseError } from '@hanse/protocol'

/** What a fault says of the provider that an order was for. */
export type Verdict =
  /** It is at fault: another one may do better. */
  | 'failed'
  /** It does not take this order now, and is as good as before. */
  | 'declined'
  /** The request is at fault: it would fail anywhere. */
  | 'request'
  /** Something of this node, its account or its client: nothing is said of the provider. */
  | 'own'

/** Busy, or of another mind about the order than its offer was. */
const DECLINED: ReadonlySet<ErrorCode> = new Set([
  'HANSE_CAPACITY',
  'HANSE_CONNECTION_LIMIT',
  'HANSE_DEADLINE_UNREACHABLE',
  'HANSE_RATE_LIMITED',
  'HANSE_DRAINING',
  'HANSE_PROVIDER_PAUSED',
  'HANSE_PAYMENT_OVERDUE',
  'HANSE_MODEL_UNKNOWN',
  'HANSE_POLICY_RESIDENCY',
  'HANSE_ORDER_EXPIRED',
  'HANSE_ORDER_LIMITS',
  'HANSE_ORDER_OFFER_UNKNOWN',
  'HANSE_ORDER_PRICE',
  'HANSE_ORDER_QUOTE',
  'HANSE_ORDER_WINDOW_TOO_SMALL',
  'HANSE_QUOTE_ROUNDS',
  'HANSE_FORBIDDEN',
  'HANSE_CONSUMER_UNKNOWN',
])

const REQUEST: ReadonlySet<ErrorCode> = new Set([
  'HANSE_CONTEXT_LENGTH',
  'HANSE_ENGINE_REFUSED',
  'HANSE_PROMPT_TOO_LARGE',
  'HANSE_REQUEST_INVALID',
  'HANSE_REQUEST_JSON',
  'HANSE_REQUEST_TOO_LARGE',
])

/** About authorizations both sides may be wrong: they are asked for anew, and held against nobody. */
const AUTHORIZATION = /^HANSE_AUTHORIZATION_/u

/** What is known of an order that came to nothing. */
export interface Circumstances {
  /** The provider was sent the order: what goes wrong before that is not its fault. */
  readonly ordered: boolean
  /** This side took the order back. */
  readonly cancelled: boolean
}

/** A provider that names a fault that only this side can have talks nonsense, and has failed. */
export function verdictOf(code: ErrorCode, { ordered, cancelled }: Circumstances): Verdict {
  if (cancelled) return 'own'
  if (code === 'HANSE_PROVIDER_UNREACHABLE') return 'failed'
  if (!ordered || AUTHORIZATION.test(code)) return 'own'
  if (DECLINED.has(code)) return 'declined'
  return REQUEST.has(code) ? 'request' : 'failed'
}

/** Whether the same request may succeed at another provider. */
export function mayGoOn(code: ErrorCode, verdict: Verdict): boolean {
  if (verdict === 'own') return AUTHORIZATION.test(code) || ERRORS[code].retry
  // Offers of one model differ in how much context there is.
  return verdict !== 'request' || code === 'HANSE_CONTEXT_LENGTH'
}

export interface Fault {
  readonly error: HanseError
  readonly verdict: Verdict
}

/** Later ones are told only when there is none of the earlier: first what the client can do something about. */
const TELLING: readonly ((fault: Fault) => boolean)[] = [
  ({ verdict }) => verdict === 'request',
  ({ verdict }) => verdict === 'own',
  ({ error, verdict }) => verdict === 'declined' && ERRORS[error.code].type === 'rate_limit_error',
  ({ verdict }) => verdict === 'declined',
  ({ error }) => error.code === 'HANSE_ENGINE_FAILED',
  ({ error }) => error.code !== 'HANSE_PROVIDER_UNREACHABLE',
  () => true,
]

/** One error for all that failed: the most telling one, with the soonest time that a retry makes sense. */
export function mostTelling(faults: readonly Fault[]): HanseError | undefined {
  const ranked = TELLING.map((isSo) => faults.find(isSo))
  const fault = ranked.find((found) => found !== undefined)
  if (fault === undefined) return undefined
  const times = faults
    .map(({ error }) => error.retryAfterMs)
    .filter((ms): ms is number => ms !== undefined)
  const { error } = fault
  // A peer that breaks the protocol is no bad request of the client.
  const blamesClient = fault.verdict === 'failed' && ERRORS[error.code].http < 500
  const code = blamesClient ? 'HANSE_SESSION_ABORTED' : error.code
  const message =
    faults.length === 1 ? error.message : `${error.message} (asked: ${countsOf(faults)})`
  if (faults.length === 1 && !blamesClient) return error
  return new HanseError(code, message, {
    cause: error,
    ...(times.length > 0 && { retryAfterMs: Math.min(...times) }),
  })
}

/** “2 HANSE_CAPACITY, 1 HANSE_PROVIDER_UNREACHABLE”. */
function countsOf(faults: readonly Fault[]): string {
  const counts = new Map<ErrorCode, number>()
  for (const { error } of faults) counts.set(error.code, (counts.get(error.code) ?? 0) + 1)
  return [...counts].map(([code, count]) => `${count} ${code}`).join(', ')
}
