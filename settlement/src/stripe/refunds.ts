import type Stripe from 'stripe'
import { ask, each, idOf, keyed, known, marks, operationMark, pageMax } from './call.ts'
import { amountOfCents, centsOfAmount } from './cents.ts'

/** Money that goes back to customers. Stripe keeps the fee of the charge. */
export interface RefundPayments {
  /**
   * Takes the money from the platform's balance at once. A refund that succeeded may still turn
   * `failed`, when the customer's bank sends it back: the money returns to the balance then.
   */
  refund(request: {
    readonly paymentIntent: string
    readonly cents: bigint
    readonly reason?: 'duplicate' | 'fraudulent' | 'requested_by_customer'
    readonly operation: string
  }): Promise<Refund>
  refundState(refund: string): Promise<Refund>
  /** The refund that an operation made, from Stripe's list rather than from its memory of keys. */
  findRefund(request: {
    readonly paymentIntent: string
    readonly operation: string
  }): Promise<Refund | undefined>
}

export interface Refund {
  readonly refund: string
  readonly status: 'pending' | 'succeeded' | 'failed' | 'canceled'
  readonly cents: bigint
  readonly paymentIntent: string | undefined
  readonly charge: string | undefined
  readonly failureReason: string | undefined
  readonly operation: string | undefined
}

export function refundPayments(stripe: Stripe): RefundPayments {
  return {
    async refund({ paymentIntent, cents, reason, operation }) {
      const amount = amountOfCents(cents)
      return refundOf(
        await ask(() =>
          stripe.refunds.create(
            {
              payment_intent: paymentIntent,
              amount,
              ...(reason !== undefined && { reason }),
              metadata: marks(operation),
            },
            keyed('refund', operation),
          ),
        ),
      )
    },
    async refundState(refund) {
      return refundOf(await ask(() => stripe.refunds.retrieve(refund)))
    },
    async findRefund({ paymentIntent, operation }) {
      const list = stripe.refunds.list({ payment_intent: paymentIntent, limit: pageMax })
      for await (const refund of each(list)) {
        if (refund.metadata?.[operationMark] === operation) return refundOf(refund)
      }
      return undefined
    },
  }
}

function refundOf(refund: Stripe.Refund): Refund {
  return {
    refund: refund.id,
    // `requires_action` waits for the customer, as `pending` waits for a bank.
    status: known(refund.status, ['pending', 'succeeded', 'failed', 'canceled'], 'pending'),
    cents: centsOfAmount(refund.amount),
    paymentIntent: idOf(refund.payment_intent),
    charge: idOf(refund.charge),
    failureReason: refund.failure_reason,
    operation: refund.metadata?.[operationMark],
  }
}
