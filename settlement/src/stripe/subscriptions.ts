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
} from './call.ts'
import { amountOfCents } from './cents.ts'

/** Plans and who is on them. A plan is a Product with one recurring Price. */
export interface SubscriptionPayments {
  createPlan(request: {
    readonly plan: string
    readonly name: string
    /** For each period, before tax. */
    readonly cents: bigint
    readonly interval: 'month' | 'year'
    readonly operation: string
  }): Promise<Plan>
  /** Nobody can subscribe to it any more; who is on it stays. */
  retirePrice(request: { readonly price: string; readonly operation: string }): Promise<void>
  createTaxRate(request: {
    readonly name: string
    /** Per cent, as `19` or `25.5`. */
    readonly percentage: number
    /** ISO 3166-1 alpha-2. */
    readonly country: string
    readonly operation: string
  }): Promise<{ readonly taxRate: string }>
  /**
   * Charges the first period at once, with the customer's default payment method unless another is
   * named. When that fails the subscription is `incomplete`: Stripe gives up after 23 hours.
   */
  createSubscription(request: {
    readonly customer: string
    readonly organization: string
    readonly price: string
    readonly quantity?: number
    readonly paymentMethod?: string
    /** Added to the price, unless the customer's `taxExempt` says otherwise. */
    readonly taxRate?: string
    readonly operation: string
  }): Promise<SubscriptionState>
  /** At once, or when the paid period ends (until then it can be resumed). */
  cancelSubscription(request: {
    readonly subscription: string
    readonly when: 'now' | 'period-end'
    readonly operation: string
  }): Promise<SubscriptionState>
  /** Takes back a cancellation at the period's end. */
  resumeSubscription(request: {
    readonly subscription: string
    readonly operation: string
  }): Promise<SubscriptionState>
  /** `prorate`: the difference for the rest of the period is an item of the next invoice. */
  changePlan(request: {
    readonly subscription: string
    readonly price: string
    readonly quantity?: number
    readonly prorate: boolean
    readonly operation: string
  }): Promise<SubscriptionState>
  subscriptionState(subscription: string): Promise<SubscriptionState>
}

export interface Plan {
  readonly product: string
  readonly price: string
}

export interface SubscriptionState {
  readonly subscription: string
  /** Deliver only in `active` and `trialing`; `past_due` is a payment that Stripe tries again. */
  readonly status: SubscriptionStatus
  readonly customer: string
  readonly price: string | undefined
  readonly quantity: number
  readonly periodStartMs: number
  readonly periodEndMs: number
  readonly cancelAtPeriodEnd: boolean
  readonly endedMs: number | undefined
  readonly latestInvoice: string | undefined
  readonly operation: string | undefined
  readonly organization: string | undefined
}

const subscriptionStatuses = [
  'active',
  'canceled',
  'incomplete',
  'incomplete_expired',
  'past_due',
  'paused',
  'trialing',
  'unpaid',
] as const
export type SubscriptionStatus = (typeof subscriptionStatuses)[number]

export function subscriptionPayments(stripe: Stripe): SubscriptionPayments {
  const stateOf = async (call: () => Promise<Stripe.Subscription>) =>
    subscriptionState(await ask(call))
  return {
    async createPlan({ plan, name, cents, interval, operation }) {
      const metadata = { ...marks(operation), hanse_plan: plan }
      const product = await ask(() =>
        stripe.products.create({ name, metadata }, keyed('product', operation)),
      )
      const price = await ask(() =>
        stripe.prices.create(
          {
            product: product.id,
            currency,
            unit_amount: amountOfCents(cents),
            recurring: { interval },
            metadata,
          },
          keyed('price', operation),
        ),
      )
      return { product: product.id, price: price.id }
    },
    async retirePrice({ price, operation }) {
      await ask(() =>
        stripe.prices.update(price, { active: false }, keyed('price-retire', operation)),
      )
    },
    async createTaxRate({ name, percentage, country, operation }) {
      const rate = await ask(() =>
        stripe.taxRates.create(
          {
            display_name: name,
            percentage,
            country,
            inclusive: false,
            tax_type: 'vat',
            metadata: marks(operation),
          },
          keyed('tax-rate', operation),
        ),
      )
      return { taxRate: rate.id }
    },
    createSubscription: (request) =>
      stateOf(() =>
        stripe.subscriptions.create(
          {
            customer: request.customer,
            items: [{ price: request.price, quantity: request.quantity ?? 1 }],
            off_session: true,
            payment_behavior: 'allow_incomplete',
            ...(request.paymentMethod !== undefined && {
              default_payment_method: request.paymentMethod,
            }),
            ...(request.taxRate !== undefined && { default_tax_rates: [request.taxRate] }),
            metadata: marks(request.operation, request.organization),
          },
          keyed('subscription', request.operation),
        ),
      ),
    cancelSubscription: ({ subscription, when, operation }) =>
      stateOf(() =>
        when === 'now'
          ? stripe.subscriptions.cancel(subscription, {}, keyed('cancel', operation))
          : stripe.subscriptions.update(
              subscription,
              { cancel_at_period_end: true },
              keyed('cancel', operation),
            ),
      ),
    resumeSubscription: ({ subscription, operation }) =>
      stateOf(() =>
        stripe.subscriptions.update(
          subscription,
          { cancel_at_period_end: false },
          keyed('resume', operation),
        ),
      ),
    async changePlan({ subscription, price, quantity = 1, prorate, operation }) {
      const before = await ask(() => stripe.subscriptions.retrieve(subscription))
      const item = before.items.data[0]?.id
      if (item === undefined) throw new TypeError('Stripe: a subscription without an item')
      return stateOf(() =>
        stripe.subscriptions.update(
          subscription,
          {
            items: [{ id: item, price, quantity }],
            proration_behavior: prorate ? 'create_prorations' : 'none',
          },
          keyed('change-plan', operation),
        ),
      )
    },
    subscriptionState: (subscription) => stateOf(() => stripe.subscriptions.retrieve(subscription)),
  }
}

function subscriptionState(subscription: Stripe.Subscription): SubscriptionState {
  const item = subscription.items.data[0]
  const customer = idOf(subscription.customer)
  if (customer === undefined) throw new TypeError('Stripe: a subscription without a customer')
  return {
    subscription: subscription.id,
    // A status that we do not know must not be delivered to.
    status: known(subscription.status, subscriptionStatuses, 'unpaid'),
    customer,
    price: item?.price.id,
    quantity: item?.quantity ?? 1,
    periodStartMs: msOf(item?.current_period_start ?? subscription.start_date),
    periodEndMs: msOf(item?.current_period_end ?? subscription.start_date),
    cancelAtPeriodEnd: subscription.cancel_at_period_end,
    endedMs: subscription.ended_at === null ? undefined : msOf(subscription.ended_at),
    latestInvoice: idOf(subscription.latest_invoice),
    operation: subscription.metadata[operationMark],
    organization: subscription.metadata[organizationMark],
  }
}
