import type Stripe from 'stripe'
import { periodEndAfter } from './calendar.ts'
import { centsOf } from './catalog.ts'
import { invalidRequest } from './fault.ts'
import type { NewLine } from './invoice-object.ts'
import type { Context } from './operation.ts'
import { storedId } from './stored-id.ts'

export interface NewItem {
  readonly price: Stripe.Price
  readonly quantity: number
}

export interface NewSubscription {
  readonly customer: string
  readonly items: readonly NewItem[]
  readonly defaultPaymentMethod: string | null
  readonly taxRates: readonly Stripe.TaxRate[]
  readonly metadata: Record<string, string>
  readonly description: string | null
}

/** @throws {StripeFault} when the price is for one payment. */
export function monthsOf({ id, recurring }: Stripe.Price): number {
  if (recurring === null) {
    throw invalidRequest(`The price ${id} is not recurring.`, undefined, 'items[0][price]')
  }
  return recurring.interval_count * (recurring.interval === 'year' ? 12 : 1)
}

export function subscriptionObject(context: Context, given: NewSubscription): Stripe.Subscription {
  const subscriptionId = context.newId('sub')
  const { nowS } = context
  const items = given.items.map((item) => itemObject(context, subscriptionId, item, nowS))
  return {
    id: subscriptionId,
    object: 'subscription',
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: nowS,
    billing_cycle_anchor_config: null,
    billing_mode: { flexible: null, type: 'classic' },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
    collection_method: 'charge_automatically',
    created: nowS,
    currency: 'eur',
    customer: given.customer,
    customer_account: null,
    days_until_due: null,
    default_payment_method: given.defaultPaymentMethod,
    default_source: null,
    default_tax_rates: [...given.taxRates],
    description: given.description,
    discounts: [],
    ended_at: null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: 'self' },
    },
    items: {
      object: 'list',
      data: items,
      has_more: false,
      url: `/v1/subscription_items?subscription=${subscriptionId}`,
    },
    latest_invoice: null,
    livemode: false,
    managed_payments: null,
    metadata: given.metadata,
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: null,
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: nowS,
    status: 'incomplete',
    test_clock: null,
    transfer_data: null,
    trial_end: null,
    trial_settings: null,
    trial_start: null,
  }
}

function itemObject(
  context: Context,
  subscription: string,
  { price, quantity }: NewItem,
  startS: number,
): Stripe.SubscriptionItem {
  return {
    id: context.newId('si'),
    object: 'subscription_item',
    billing_thresholds: null,
    created: context.nowS,
    current_period_end: periodEndAfter(startS, monthsOf(price), startS),
    current_period_start: startS,
    current_trial: null,
    discounts: [],
    metadata: {},
    plan: planOf(price),
    price,
    quantity,
    subscription,
    tax_rates: [],
  }
}

/** The older form of a price, which Stripe still shows beside it. */
export function planOf(price: Stripe.Price): Stripe.Plan {
  return {
    id: price.id,
    object: 'plan',
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: null,
    billing_scheme: 'per_unit',
    created: price.created,
    currency: 'eur',
    interval: price.recurring?.interval ?? 'month',
    interval_count: price.recurring?.interval_count ?? 1,
    livemode: false,
    metadata: price.metadata,
    meter: null,
    nickname: price.nickname,
    product: price.product,
    tiers_mode: null,
    transform_usage: null,
    trial_period_days: null,
    usage_type: 'licensed',
  }
}

/** The lines of one period of everything that is subscribed to. */
export function periodLines(
  { state }: Context,
  subscription: Stripe.Subscription,
): readonly NewLine[] {
  return subscription.items.data.map((item) => {
    const quantity = item.quantity ?? 1
    const product = state.products.get(storedId(item.price.product))
    return {
      amount: centsOf(item.price) * quantity,
      description: `${quantity} × ${product?.name ?? item.price.id}`,
      quantity,
      period: { start: item.current_period_start, end: item.current_period_end },
      price: item.price,
      taxRates: [],
      metadata: { ...subscription.metadata },
      parent: {
        invoice_item_details: null,
        subscription_item_details: {
          invoice_item: null,
          proration: false,
          proration_details: null,
          subscription: subscription.id,
          subscription_item: item.id,
        },
        type: 'subscription_item_details',
      },
    }
  })
}
