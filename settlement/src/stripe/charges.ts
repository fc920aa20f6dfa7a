import type Stripe from 'stripe'
import {
  ask,
  currency,
  idOf,
  keyed,
  known,
  marks,
  operationMark,
  organizationMark,
} from './call.ts'
import { amountOfCents, centsOfAmount } from './cents.ts'

/** Money that customers pay. */
export interface ChargePayments {
  /**
   * Charges a saved payment method without the customer present. A decline is an error, with the
   * payment in `paymentIntent`; with `stripeCode` `authentication_required` the customer must come
   * back to a checkout. `processing` (SEPA) settles days later, one way or the other.
   */
  chargeOffSession(request: {
    readonly organization: string
    readonly customer?: string
    readonly cents: bigint
    readonly paymentMethod: string
    readonly description?: string
    readonly operation: string
  }): Promise<Payment>
  paymentState(paymentIntent: string): Promise<Payment>
  chargeState(charge: string): Promise<ChargeState>
}

export interface Payment {
  readonly paymentIntent: string
  readonly status: 'succeeded' | 'processing' | 'failed'
  /** What was charged; credit it only when `status` is `succeeded`. */
  readonly cents: bigint
  readonly customer: string | undefined
  /** The last attempt's charge. */
  readonly charge: string | undefined
  /** Why the last attempt failed: `card_declined`, `authentication_required` … */
  readonly failureCode: string | undefined
  /** The ids that the payment was made for, when this service made it. */
  readonly operation: string | undefined
  readonly organization: string | undefined
}

export interface ChargeState {
  readonly charge: string
  readonly status: 'succeeded' | 'pending' | 'failed'
  readonly cents: bigint
  readonly refundedCents: bigint
  readonly disputed: boolean
  readonly paymentIntent: string | undefined
  readonly customer: string | undefined
  /** What Stripe keeps of it; undefined until the charge has succeeded. */
  readonly feeCents: bigint | undefined
  readonly operation: string | undefined
  readonly organization: string | undefined
}

export function chargePayments(stripe: Stripe): ChargePayments {
  return {
    async chargeOffSession(request) {
      const amount = amountOfCents(request.cents)
      const intent = await ask(() =>
        stripe.paymentIntents.create(
          {
            amount,
            currency,
            // No redirect can be followed when the customer is not there.
            automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
            confirm: true,
            off_session: true,
            payment_method: request.paymentMethod,
            ...(request.customer !== undefined && { customer: request.customer }),
            ...(request.description !== undefined && { description: request.description }),
            metadata: marks(request.operation, request.organization),
          },
          keyed('charge', request.operation),
        ),
      )
      return paymentOf(intent)
    },
    async paymentState(paymentIntent) {
      return paymentOf(await ask(() => stripe.paymentIntents.retrieve(paymentIntent)))
    },
    async chargeState(charge) {
      const expand = ['balance_transaction']
      return chargeState(await ask(() => stripe.charges.retrieve(charge, { expand })))
    },
  }
}

function paymentOf(intent: Stripe.PaymentIntent): Payment {
  return {
    paymentIntent: intent.id,
    status: paymentStatus(intent.status),
    cents: centsOfAmount(intent.amount),
    customer: idOf(intent.customer),
    charge: idOf(intent.latest_charge),
    failureCode: intent.last_payment_error?.code,
    operation: intent.metadata[operationMark],
    organization: intent.metadata[organizationMark],
  }
}

/** An off-session payment that waits for the customer has failed: nobody is there to act. */
export function paymentStatus(status: string): Payment['status'] {
  return status === 'succeeded' || status === 'processing' ? status : 'failed'
}

function chargeState(charge: Stripe.Charge): ChargeState {
  const { balance_transaction: transaction } = charge
  return {
    charge: charge.id,
    status: known(charge.status, ['succeeded', 'pending', 'failed'], 'failed'),
    cents: centsOfAmount(charge.amount),
    refundedCents: centsOfAmount(charge.amount_refunded),
    disputed: charge.disputed,
    paymentIntent: idOf(charge.payment_intent),
    customer: idOf(charge.customer),
    feeCents:
      typeof transaction === 'object' && transaction !== null
        ? centsOfAmount(transaction.fee)
        : undefined,
    operation: charge.metadata[operationMark],
    organization: charge.metadata[organizationMark],
  }
}
