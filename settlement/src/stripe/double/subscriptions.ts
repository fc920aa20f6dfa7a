import type Stripe from 'stripe'
import { periodEndAfter } from './calendar.ts'
import { centsOf } from './catalog.ts'
import { findCustomer } from './customers.ts'
import { invalidRequest } from './fault.ts'
import { itemObject } from './invoice-items.ts'
import {
  attemptPayment,
  type Collected,
  finalize,
  newDraft,
  takeItems,
  voidInvoice,
} from './invoices.ts'
import type { Context } from './operation.ts'
import { methodFor } from './payment-methods.ts'
import type { PaymentMethodRecord } from './state.ts'
import { storedId } from './stored-id.ts'
import {
  monthsOf,
  type NewItem,
  type NewSubscription,
  periodLines,
  planOf,
  subscriptionObject,
} from './subscription-object.ts'

type Subscription = Stripe.Subscription
type Invoice = Stripe.Invoice

const hourMs = 3_600_000
const dayMs = 24 * hourMs
// docs.stripe.com/billing/subscriptions/overview: an incomplete subscription expires after 23 hours.
const incompleteMs = 23 * hourMs
// A renewal's draft waits an hour for late items: docs.stripe.com/invoicing/integration/automatic-advancement-collection.
const draftMs = hourMs
// A plain schedule in place of Stripe's learned one; after the last the subscription ends.
const retriesMs = [3 * dayMs, 5 * dayMs, 7 * dayMs]

/** Begins a subscription and charges its first period. */
export function subscribe(
  context: Context,
  given: NewSubscription,
  offSession = true,
): {
  readonly subscription: Subscription
  readonly invoice: Invoice
  readonly collected: Collected
} {
  const subscription = subscriptionObject(context, given)
  context.state.subscriptions.set(subscription.id, subscription)
  const invoice = invoiceFor(context, subscription, 'subscription_create', true)
  context.emit('customer.subscription.created', subscription)
  context.later('subscription-renews', subscription.id, periodOf(subscription).end * 1_000)
  finalize(context, invoice)
  const collected = attemptPayment(context, invoice, methodOf(context, subscription), offSession)
  if (collected.outcome === 'paid' || collected.outcome === 'processing') {
    setStatus(context, subscription, 'active')
  } else {
    context.later('subscription-gives-up', subscription.id, context.nowMs + incompleteMs)
  }
  return { subscription, invoice, collected }
}

/** Charges an open invoice, and lets its subscription know. */
export function collect(
  context: Context,
  invoice: Invoice,
  given?: PaymentMethodRecord,
): Collected {
  const subscription = subscriptionOf(context, invoice)
  const customer = context.state.customers.get(storedId(invoice.customer))
  const byDefault =
    subscription === undefined ? customerMethod(context, customer) : methodOf(context, subscription)
  const collected = attemptPayment(context, invoice, given ?? byDefault, true)
  if (collected.outcome === 'paid') invoicePaid(context, invoice)
  else if (collected.outcome !== 'processing') invoiceUnpaid(context, invoice)
  return collected
}

export function invoicePaid(context: Context, invoice: Invoice): void {
  const subscription = subscriptionOf(context, invoice)
  if (subscription === undefined || isOver(subscription)) return
  setStatus(context, subscription, 'active')
}

/** A failed attempt: Stripe tries again, and gives up in the end. */
export function invoiceUnpaid(context: Context, invoice: Invoice): void {
  const subscription = subscriptionOf(context, invoice)
  if (subscription === undefined || isOver(subscription)) return
  // The first invoice is not tried again: the customer has 23 hours.
  if (subscription.status === 'incomplete') return
  const waitMs = retriesMs[invoice.attempt_count - 1]
  if (waitMs === undefined) {
    invoice.next_payment_attempt = null
    endSubscription(context, subscription, 'payment_failed')
    return
  }
  invoice.next_payment_attempt = Math.floor((context.nowMs + waitMs) / 1_000)
  context.later('invoice-advances', invoice.id, context.nowMs + waitMs)
  context.emit('invoice.updated', invoice)
  setStatus(context, subscription, 'past_due')
}

/** A draft becomes final and is charged; an open invoice is charged again. */
export function advanceInvoice(context: Context, invoiceId: string): void {
  const invoice = context.state.invoices.get(invoiceId)
  if (invoice === undefined || invoice.auto_advance !== true) return
  if (invoice.status === 'draft') finalize(context, invoice)
  const dueAgain = invoice.next_payment_attempt ?? 0
  if (invoice.status === 'paid') invoicePaid(context, invoice)
  else if (invoice.status === 'open' && dueAgain <= context.nowS) collect(context, invoice)
}

/** The end of a paid period. */
export function renew(context: Context, subscriptionId: string): void {
  const subscription = context.state.subscriptions.get(subscriptionId)
  if (subscription === undefined || isOver(subscription)) return
  const { end } = periodOf(subscription)
  if (end > context.nowS) return
  if (subscription.cancel_at_period_end) {
    endSubscription(context, subscription, 'cancellation_requested')
    return
  }
  // Nobody paid for the first period: what expires does not renew.
  if (subscription.status === 'incomplete') return
  for (const item of subscription.items.data) {
    item.current_period_start = item.current_period_end
    item.current_period_end = periodEndAfter(
      subscription.billing_cycle_anchor,
      monthsOf(item.price),
      item.current_period_start,
    )
  }
  context.later('subscription-renews', subscription.id, periodOf(subscription).end * 1_000)
  const invoice = invoiceFor(context, subscription, 'subscription_cycle', true)
  context.later('invoice-advances', invoice.id, context.nowMs + draftMs)
  context.emit('customer.subscription.updated', subscription)
}

export function giveUp(context: Context, subscriptionId: string): void {
  const subscription = context.state.subscriptions.get(subscriptionId)
  if (subscription?.status !== 'incomplete') return
  const invoice = context.state.invoices.get(storedId(subscription.latest_invoice))
  if (invoice?.status === 'open') voidInvoice(context, invoice)
  subscription.ended_at = context.nowS
  setStatus(context, subscription, 'incomplete_expired')
}

export function endSubscription(
  context: Context,
  subscription: Subscription,
  reason: 'cancellation_requested' | 'payment_failed',
): void {
  subscription.status = 'canceled'
  subscription.canceled_at ??= context.nowS
  subscription.ended_at = context.nowS
  if (subscription.cancellation_details !== null) subscription.cancellation_details.reason = reason
  // What is still open is not charged by itself any more.
  for (const invoice of context.state.invoices.values()) {
    if (invoice.status !== 'draft' && invoice.status !== 'open') continue
    if (subscriptionOf(context, invoice) === subscription) invoice.auto_advance = false
  }
  context.emit('customer.subscription.deleted', subscription)
}

/** Another price or quantity from now on. */
export function change(
  context: Context,
  subscription: Subscription,
  itemId: string | undefined,
  next: NewItem,
  prorates: 'always_invoice' | 'create_prorations' | 'none',
): void {
  const item = subscription.items.data.find(({ id }) => id === (itemId ?? id))
  if (item === undefined) {
    throw invalidRequest(
      `No such subscription item: '${itemId ?? ''}'`,
      'resource_missing',
      'items',
    )
  }
  const restarts = monthsOf(item.price) !== monthsOf(next.price)
  if (prorates !== 'none') credit(context, subscription, item)
  item.price = next.price
  item.plan = planOf(next.price)
  item.quantity = next.quantity
  if (!restarts) {
    if (prorates !== 'none') prorate(context, subscription, item, 1)
    if (prorates === 'always_invoice') invoiceNow(context, subscription, false)
    return
  }
  // Another interval begins a new period, which is paid at once.
  subscription.billing_cycle_anchor = context.nowS
  item.current_period_start = context.nowS
  item.current_period_end = periodEndAfter(context.nowS, monthsOf(next.price), context.nowS)
  context.later('subscription-renews', subscription.id, item.current_period_end * 1_000)
  invoiceNow(context, subscription, true)
}

function credit(context: Context, subscription: Subscription, item: Stripe.SubscriptionItem): void {
  prorate(context, subscription, item, -1)
}

/** The rest of the period at the item's price: owed, or given back. */
function prorate(
  context: Context,
  subscription: Subscription,
  item: Stripe.SubscriptionItem,
  sign: 1 | -1,
): void {
  const { current_period_start: start, current_period_end: end } = item
  const whole = centsOf(item.price) * (item.quantity ?? 1)
  const amount = sign * Math.round((whole * (end - context.nowS)) / (end - start))
  const made = itemObject(context, {
    customer: storedId(subscription.customer),
    subscription: subscription.id,
    amount,
    description: `${sign < 0 ? 'Unused' : 'Remaining'} time on ${item.price.id}`,
    period: { start: context.nowS, end },
    proration: true,
    price: item.price,
    taxRates: [],
    metadata: {},
  })
  context.state.invoiceItems.set(made.id, made)
  context.emit('invoiceitem.created', made)
}

function invoiceNow(context: Context, subscription: Subscription, withPeriod: boolean): void {
  const invoice = invoiceFor(context, subscription, 'subscription_update', withPeriod)
  finalize(context, invoice)
  if (invoice.status === 'open') collect(context, invoice)
}

function invoiceFor(
  context: Context,
  subscription: Subscription,
  reason: Invoice['billing_reason'],
  withPeriod: boolean,
): Invoice {
  const invoice = newDraft(
    context,
    {
      customer: findCustomer(context, storedId(subscription.customer)),
      reason,
      period: periodOf(subscription),
      subscription,
      metadata: {},
      defaultTaxRates: subscription.default_tax_rates ?? [],
      advances: true,
    },
    withPeriod ? periodLines(context, subscription) : [],
  )
  takeItems(context, invoice, (item) => {
    const about = item.parent?.subscription_details?.subscription
    return about === undefined || about === subscription.id
  })
  subscription.latest_invoice = invoice.id
  return invoice
}

function subscriptionOf({ state }: Context, invoice: Invoice): Subscription | undefined {
  const about = invoice.parent?.subscription_details?.subscription
  return typeof about === 'string' ? state.subscriptions.get(about) : undefined
}

function methodOf(context: Context, subscription: Subscription): PaymentMethodRecord | undefined {
  const { default_payment_method: own } = subscription
  if (typeof own === 'string') return methodFor(context, own)
  return customerMethod(context, context.state.customers.get(storedId(subscription.customer)))
}

function customerMethod(
  context: Context,
  customer: Stripe.Customer | undefined,
): PaymentMethodRecord | undefined {
  const method = customer?.invoice_settings.default_payment_method
  return typeof method === 'string' ? methodFor(context, method) : undefined
}

function setStatus(
  context: Context,
  subscription: Subscription,
  status: Subscription['status'],
): void {
  if (subscription.status === status) return
  subscription.status = status
  context.emit('customer.subscription.updated', subscription)
}

export function isOver({ status }: Subscription): boolean {
  return status === 'canceled' || status === 'incomplete_expired'
}

function periodOf({ items, start_date: startS }: Subscription): { start: number; end: number } {
  const [item] = items.data
  return {
    start: item?.current_period_start ?? startS,
    end: item?.current_period_end ?? startS,
  }
}
