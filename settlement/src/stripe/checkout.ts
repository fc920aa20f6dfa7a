import type Stripe from 'stripe'
import {
  ask,
  currency,
  idOf,
  keyed,
  known,
  marks,
  msOf,
  operationMark,
  organizationMark,
  secondsOf,
} from './call.ts'
import { amountOfCents, centsOfAmount } from './cents.ts'

/** Stripe's hosted payment page. */
export interface CheckoutPayments {
  /** The page is good for `expiresAtMs`, between 30 minutes and 24 hours from now; 24 hours when absent. */
  createCheckout(request: CheckoutRequest): Promise<Checkout>
  checkoutState(checkout: string): Promise<CheckoutState>
  /** Closes an open page, so that nobody pays there any more. */
  expireCheckout(request: {
    readonly checkout: string
    readonly operation: string
  }): Promise<CheckoutState>
}

export type CheckoutRequest = {
  readonly customer: string
  readonly organization: string
  readonly successUrl: string
  readonly cancelUrl: string
  readonly expiresAtMs?: number
  readonly operation: string
} & (
  | {
      readonly mode: 'payment'
      readonly cents: bigint
      /** What the customer reads on the page and on the receipt. */
      readonly description: string
      /** Keeps the payment method for off-session charges. */
      readonly savePaymentMethod?: boolean
      readonly taxRate?: string
    }
  | {
      readonly mode: 'subscription'
      readonly price: string
      readonly quantity?: number
      readonly taxRate?: string
    }
  | { readonly mode: 'setup' }
)

export interface Checkout {
  readonly checkout: string
  readonly url: string
  readonly expiresAtMs: number
}

export interface CheckoutState {
  readonly checkout: string
  readonly mode: 'payment' | 'subscription' | 'setup'
  readonly status: 'open' | 'complete' | 'expired'
  /**
   * `unpaid` on a complete page: the money comes later (SEPA), or never. Credit nothing before
   * `paid`; `checkout.session.async_payment_succeeded` and `…_failed` say which.
   */
  readonly payment: 'paid' | 'unpaid' | 'not-required'
  /** With tax; 0 for `setup`. */
  readonly cents: bigint
  readonly taxCents: bigint
  readonly customer: string | undefined
  readonly paymentIntent: string | undefined
  readonly setupIntent: string | undefined
  readonly subscription: string | undefined
  readonly operation: string | undefined
  readonly organization: string | undefined
}

export function checkoutPayments(stripe: Stripe): CheckoutPayments {
  return {
    async createCheckout(request) {
      const params = checkoutParams(request)
      const session = await ask(() =>
        stripe.checkout.sessions.create(params, keyed('checkout', request.operation)),
      )
      const { id, url, expires_at: expiresAt } = session
      if (url === null) throw new TypeError('Stripe: a hosted checkout without an address')
      return { checkout: id, url, expiresAtMs: msOf(expiresAt) }
    },
    async checkoutState(checkout) {
      return checkoutState(await ask(() => stripe.checkout.sessions.retrieve(checkout)))
    },
    async expireCheckout({ checkout, operation }) {
      return checkoutState(
        await ask(() =>
          stripe.checkout.sessions.expire(checkout, {}, keyed('checkout-expire', operation)),
        ),
      )
    },
  }
}

function checkoutParams(request: CheckoutRequest): Stripe.Checkout.SessionCreateParams {
  const metadata = marks(request.operation, request.organization)
  const shared = {
    customer: request.customer,
    success_url: request.successUrl,
    cancel_url: request.cancelUrl,
    metadata,
    ...(request.expiresAtMs !== undefined && { expires_at: secondsOf(request.expiresAtMs) }),
  }
  if (request.mode === 'setup') return { ...shared, mode: 'setup', currency }
  const tax = request.taxRate === undefined ? {} : { tax_rates: [request.taxRate] }
  if (request.mode === 'subscription') {
    const { price, quantity = 1 } = request
    return {
      ...shared,
      mode: 'subscription',
      line_items: [{ price, quantity, ...tax }],
      subscription_data: { metadata },
    }
  }
  const { cents, description, savePaymentMethod = false } = request
  return {
    ...shared,
    mode: 'payment',
    line_items: [
      {
        price_data: {
          currency,
          unit_amount: amountOfCents(cents),
          product_data: { name: description },
        },
        quantity: 1,
        ...tax,
      },
    ],
    payment_intent_data: {
      metadata,
      description,
      ...(savePaymentMethod && { setup_future_usage: 'off_session' }),
    },
  }
}

const payments: Readonly<Record<string, CheckoutState['payment']>> = {
  paid: 'paid',
  no_payment_required: 'not-required',
}

function checkoutState(session: Stripe.Checkout.Session): CheckoutState {
  return {
    checkout: session.id,
    mode: known(session.mode, ['payment', 'subscription', 'setup'], 'payment'),
    status: known(session.status, ['open', 'complete', 'expired'], 'open'),
    payment: payments[session.payment_status] ?? 'unpaid',
    cents: centsOfAmount(session.amount_total ?? 0),
    taxCents: centsOfAmount(session.total_details?.amount_tax ?? 0),
    customer: idOf(session.customer),
    paymentIntent: idOf(session.payment_intent),
    setupIntent: idOf(session.setup_intent),
    subscription: idOf(session.subscription),
    operation: session.metadata?.[operationMark],
    organization: session.metadata?.[organizationMark],
  }
}
