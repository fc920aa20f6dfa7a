export interface FaultPlan {
  /** An operation's name, as in the contract: `Transfers.create`. */
  readonly operation: string
  /** Before the effect, or after the effect is committed. */
  readonly when: 'before' | 'after'
  /** The status answered, the socket closed (`drop`) or left open (`hang`) without an answer, or only `slow`. */
  readonly status: number | 'drop' | 'hang' | 'slow'
  /** Seconds in a `retry-after` header. */
  readonly retryAfterS?: number
  /** Real milliseconds before anything is done. */
  readonly delayMs?: number
}

/**
 * What is stored for the idempotency key: a 500 is Stripe's own failure and is replayed. Any other
 * status, and a drop, happen on the way: before the effect nothing is stored, after it the true answer.
 */
export function storesFailure(plan: FaultPlan): boolean {
  return plan.status === 500
}
