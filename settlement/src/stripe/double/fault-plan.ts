export interface FaultPlan {
  /** An operation's name, as in the contract: `Transfers.create`. */
  readonly operation: string
  /** Before the effect, or after the effect is committed. */
  readonly when: 'before' | 'after'
  /** The status answered, or the socket closed without an answer. */
  readonly status: number | 'drop'
}

/**
 * What is stored for the idempotency key: a 500 is Stripe's own failure and is replayed. Any other
 * status, and a drop, happen on the way: before the effect nothing is stored, after it the true answer.
 */
export function storesFailure(plan: FaultPlan): boolean {
  return plan.status === 500
}

/** Plans are used once, in the order they were made. */
export class FaultPlans {
  readonly #plans: FaultPlan[] = []

  add(plan: FaultPlan): void {
    this.#plans.push(plan)
  }

  take(operation: string): FaultPlan | undefined {
    const index = this.#plans.findIndex((plan) => plan.operation === operation)
    return index < 0 ? undefined : this.#plans.splice(index, 1)[0]
  }
}
