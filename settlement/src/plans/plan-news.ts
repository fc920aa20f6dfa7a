import type { SettlementContext } from '../context.ts'
import type { InvoiceState, StripeEvent, SubscriptionState } from '../stripe/index.ts'
import type { StripeEffect } from '../stripe-events/effect.ts'
import { feeOfCharge } from '../top-ups/payment-news.ts'
import { type PlanVersion, planOfPriceName } from './catalogue.ts'
import { invoiceCredit } from './invoice-credit.ts'
import type { SubscriptionNews } from './subscription-store.ts'

const SUBSCRIPTION_EVENTS = /^customer\.subscription\./u
const INVOICE_EVENTS =
  /^invoice\.(?:paid|payment_succeeded|payment_failed|voided|marked_uncollectible)$/u
const CHECKOUT_EVENTS = /^checkout\.session\./u

/** What an event of a plan says now. */
export async function planEffect(
  context: SettlementContext,
  event: StripeEvent,
): Promise<readonly StripeEffect[]> {
  const { id } = event.kind === 'snapshot' ? event.object : { id: undefined }
  if (id === undefined) return []
  if (SUBSCRIPTION_EVENTS.test(event.type)) return subscriptionNews(context, id)
  if (INVOICE_EVENTS.test(event.type)) return invoiceNews(context, id)
  return CHECKOUT_EVENTS.test(event.type) ? checkoutNews(context, id) : []
}

/** How a subscription stands, and its last invoice, if this service made it. */
export async function subscriptionNews(
  context: SettlementContext,
  subscription: string,
): Promise<readonly StripeEffect[]> {
  const at = context.now()
  const state = await context.payments.subscriptionState(subscription)
  return [...(await ofSubscription(context, state, at)), ...(await lastInvoice(context, state))]
}

/** How an invoice stands, and the subscription that it is of. */
export async function invoiceNews(
  context: SettlementContext,
  invoice: string,
): Promise<readonly StripeEffect[]> {
  const at = context.now()
  const state = await context.payments.invoiceState(invoice)
  const subscription =
    state.subscription === undefined
      ? []
      : await ofSubscription(
          context,
          await context.payments.subscriptionState(state.subscription),
          at,
        )
  return [...subscription, ...(await ofInvoice(context, state))]
}

async function checkoutNews(
  context: SettlementContext,
  checkout: string,
): Promise<readonly StripeEffect[]> {
  const { mode, subscription } = await context.payments.checkoutState(checkout)
  if (mode !== 'subscription' || subscription === undefined) return []
  return subscriptionNews(context, subscription)
}

async function lastInvoice(
  context: SettlementContext,
  { latestInvoice }: SubscriptionState,
): Promise<readonly StripeEffect[]> {
  if (latestInvoice === undefined) return []
  return ofInvoice(context, await context.payments.invoiceState(latestInvoice))
}

async function ofSubscription(
  context: SettlementContext,
  state: SubscriptionState,
  at: number,
): Promise<readonly StripeEffect[]> {
  const { operation: id, subscription, price } = state
  if (id === undefined) return []
  const plan = await planOfPrice(context, price)
  const news: SubscriptionNews = {
    id,
    subscription,
    status: statusOf(state),
    plan: plan?.plan ?? null,
    planVersion: plan?.version ?? null,
    periodStart: state.periodStartMs,
    periodEnd: state.periodEndMs,
    cancelAtPeriodEnd: state.cancelAtPeriodEnd,
    at,
  }
  return [{ kind: 'subscription', news }]
}

function statusOf({ status }: SubscriptionState): SubscriptionNews['status'] {
  switch (status) {
    case 'active':
    case 'trialing':
      return 'active'
    case 'incomplete':
      return 'incomplete'
    case 'past_due':
    case 'unpaid':
    case 'paused':
      return 'past_due'
    case 'canceled':
    case 'incomplete_expired':
      return 'ended'
  }
}

/** Only what was paid through Stripe is in our books, and gives its included tokens. */
async function ofInvoice(
  context: SettlementContext,
  state: InvoiceState,
): Promise<readonly StripeEffect[]> {
  const organization = await organizationOf(context, state)
  if (state.status !== 'paid' || organization === undefined) return []
  const cents = state.paymentIntent === undefined ? 0n : state.paidCents
  const lines = await Promise.all(
    state.lines.map(async (line) => ({
      cents: line.cents,
      plan: await planOfPrice(context, line.price),
    })),
  )
  const charge =
    state.paymentIntent === undefined
      ? undefined
      : (await context.payments.paymentState(state.paymentIntent)).charge
  const news = {
    invoice: state.invoice,
    organization,
    subscription: state.subscription ?? null,
    number: state.number ?? null,
    cents,
    vatCents: vatOf(state, cents),
    // A credit that was carried over paid for its part already, when it was given.
    creditCents: invoiceCredit(lines),
    paymentIntent: state.paymentIntent ?? null,
    charge: charge ?? null,
    feeCents: (await feeOfCharge(context, charge)) ?? null,
    periodStart: start(state),
    periodEnd: end(state),
    at: context.now(),
  }
  if (news.cents === 0n && news.creditCents === 0n) return []
  return [{ kind: 'invoice', news }]
}

/** An invoice that is not of a subscription of ours is nobody's. */
async function organizationOf(
  { store }: SettlementContext,
  { customer, organization, subscription }: InvoiceState,
): Promise<string | undefined> {
  if (organization === undefined || subscription === undefined || customer === undefined) {
    return undefined
  }
  return store.organizationOfCustomer(customer)
}

/** Of a part that was paid, its part of the tax. */
function vatOf({ taxCents, totalCents }: InvoiceState, paidCents: bigint): bigint {
  if (totalCents <= 0n) return 0n
  return paidCents >= totalCents ? taxCents : (taxCents * paidCents) / totalCents
}

/** Of a renewal Stripe's invoice is about the period that has ended; its lines are about the one that begins. */
const start = ({ lines, periodStartMs }: InvoiceState) =>
  Math.min(
    ...lines.map((line) => line.periodStartMs),
    ...(lines.length === 0 ? [periodStartMs] : []),
  )
const end = ({ lines, periodEndMs }: InvoiceState) =>
  Math.max(...lines.map((line) => line.periodEndMs), ...(lines.length === 0 ? [periodEndMs] : []))

async function planOfPrice(
  { store }: SettlementContext,
  price: string | undefined,
): Promise<PlanVersion | undefined> {
  const name = price === undefined ? undefined : await store.catalogueName(price)
  return name === undefined ? undefined : planOfPriceName(name)
}
