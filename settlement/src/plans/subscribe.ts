import { randomUUID } from 'node:crypto'
import { digestOf } from '../authorizations/authorize.ts'
import { allPages, oneByOne } from '../billing/one-by-one.ts'
import { ensureCustomer } from '../billing/profile.ts'
import { taxOnPayment } from '../billing/tax-on-payment.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { PaymentsError } from '../stripe/index.ts'
import { type PlanName, type PlanVersion, planOnSale, priceName } from './catalogue.ts'
import { invoiceNews, subscriptionNews } from './plan-news.ts'
import type { SubscriptionRow } from './subscription-store.ts'

export type SubscribeRequest = {
  readonly organization: string
  readonly plan: PlanName
  readonly idempotencyKey: string
} & (
  | { readonly paymentMethod: string }
  | { readonly successUrl: string; readonly cancelUrl: string }
)

/**
 * Puts an organization on a plan: with a saved payment method at once, else on Stripe's page, whose address comes back.
 *
 * @throws {SettlementError} HANSE_PLAN_ACTIVE, HANSE_PAYMENT_FAILED, HANSE_PAYMENTS_UNAVAILABLE, HANSE_IDEMPOTENCY_KEY
 */
export async function subscribe(
  context: SettlementContext,
  request: SubscribeRequest,
): Promise<SubscriptionRow> {
  const { organization, plan: name, idempotencyKey } = request
  const plan = planOnSale(name)
  const how =
    'paymentMethod' in request ? [request.paymentMethod] : [request.successUrl, request.cancelUrl]
  const row = await context.store.beginSubscription({
    id: `sub-${randomUUID()}`,
    organization,
    idempotencyKey,
    requestDigest: digestOf([name, ...how]),
    plan: name,
    planVersion: plan.version,
    at: context.now(),
  })
  if (row.status !== 'requested' || row.checkoutUrl !== null) return row
  try {
    await ask(context, request, plan, row)
  } catch (error) {
    if (!(error instanceof PaymentsError)) throw error
    const options = { cause: error }
    if (error.retryable) {
      throw new SettlementError('HANSE_PAYMENTS_UNAVAILABLE', error.message, options)
    }
    await context.store.refusePlan(row.id, error.stripeCode ?? error.code, context.now())
    throw new SettlementError('HANSE_PAYMENT_FAILED', error.message, options)
  }
  return (await context.store.planSubscription(row.id)) ?? row
}

async function ask(
  context: SettlementContext,
  request: SubscribeRequest,
  plan: PlanVersion,
  { id: operation, organization }: SubscriptionRow,
): Promise<void> {
  const { payments, store } = context
  const asked = {
    customer: await ensureCustomer(context, organization),
    organization,
    price: await priceOf(context, plan),
    operation,
    ...(await taxRateOf(context, organization, plan)),
  }
  if ('paymentMethod' in request) {
    const { paymentMethod } = request
    const { subscription } = await payments.createSubscription({ ...asked, paymentMethod })
    return store.applyEffects(await subscriptionNews(context, subscription))
  }
  const { successUrl, cancelUrl } = request
  const pages = { mode: 'subscription', successUrl, cancelUrl } as const
  const { checkout, url } = await payments.createCheckout({ ...asked, ...pages })
  await store.setPlanCheckout(operation, checkout, url)
}

/**
 * Changes the plan. A larger one counts at once: what is left of the period is charged with the next invoice, and gives
 * its part of the tokens when that is paid. A smaller one counts from the next period: this one is paid and credited.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_PAYMENT_FAILED, HANSE_PAYMENTS_UNAVAILABLE
 */
export function changePlan(
  context: SettlementContext,
  organization: string,
  name: PlanName,
): Promise<SubscriptionRow> {
  return change(context, organization, async (subscription, row, operation) => {
    const [old, next] = [planOnSale(row.plan), planOnSale(name)]
    if (row.plan === name) return
    const price = await priceOf(context, next)
    const prorate = next.cents > old.cents
    await context.payments.changePlan({ subscription, price, prorate, operation })
  })
}

/** Ends the plan with the period that is paid; what was credited stays. A page that was not paid is closed. */
export async function cancelPlan(
  context: SettlementContext,
  organization: string,
): Promise<SubscriptionRow> {
  const { store, payments, now } = context
  const row = await store.planOf(organization)
  if (row?.status === 'requested' && row.checkout !== null) {
    await payments.expireCheckout({ checkout: row.checkout, operation: row.id })
    await store.refusePlan(row.id, 'cancelled', now())
    return (await store.planSubscription(row.id)) ?? row
  }
  return change(context, organization, async (subscription, _row, operation) => {
    await payments.cancelSubscription({ subscription, when: 'period-end', operation })
  })
}

/** Takes back a cancellation, until the period ends. */
export const resumePlan = (
  context: SettlementContext,
  organization: string,
): Promise<SubscriptionRow> =>
  change(context, organization, async (subscription, _row, operation) => {
    await context.payments.resumeSubscription({ subscription, operation })
  })

async function change(
  context: SettlementContext,
  organization: string,
  act: (subscription: string, row: SubscriptionRow, operation: string) => Promise<void>,
): Promise<SubscriptionRow> {
  const { store } = context
  const row = await store.planOf(organization)
  if (row?.subscription == null || row.status === 'ended') {
    throw new SettlementError('HANSE_NOT_FOUND', 'the organization has no plan')
  }
  try {
    await act(row.subscription, row, `${row.id}-${await store.nextPlanChange(row.id)}`)
    await store.applyEffects(await subscriptionNews(context, row.subscription))
  } catch (error) {
    if (!(error instanceof PaymentsError)) throw error
    const code = error.retryable ? 'HANSE_PAYMENTS_UNAVAILABLE' : 'HANSE_PAYMENT_FAILED'
    throw new SettlementError(code, error.message, { cause: error })
  }
  return (await store.planSubscription(row.id)) ?? row
}

/** Stripe's price of a version, made once. */
async function priceOf(
  { store, payments, now }: SettlementContext,
  version: PlanVersion,
): Promise<string> {
  const name = priceName(version)
  const known = await store.catalogueId(name)
  if (known !== undefined) return known
  const { price } = await payments.createPlan({
    plan: version.plan,
    name: `Hanse ${version.title}`,
    cents: version.cents,
    interval: 'month',
    operation: name,
  })
  return store.setCatalogueId(name, price, now())
}

/** Stripe's rate for the VAT that this organization pays; none where it pays none. */
async function taxRateOf(
  context: SettlementContext,
  organization: string,
  plan: PlanVersion,
): Promise<{ taxRate?: string }> {
  const { store, payments, now } = context
  const { tax } = await taxOnPayment(context, organization, { netCents: plan.cents })
  const { rateBps, state } = rateSchema(tax)
  if (rateBps === 0 || state === null) return {}
  const name = `tax-${state}-${rateBps}`
  const known = await store.catalogueId(name)
  if (known !== undefined) return { taxRate: known }
  const { taxRate } = await payments.createTaxRate({
    name: 'VAT',
    percentage: rateBps / 100,
    country: state,
    operation: name,
  })
  return { taxRate: await store.setCatalogueId(name, taxRate, now()) }
}

function rateSchema(tax: string | null): { rateBps: number; state: string | null } {
  if (tax === null) return { rateBps: 0, state: null }
  return JSON.parse(tax) as { rateBps: number; state: string | null }
}

/** Longer than an answer of Stripe can take. */
const OPEN_AFTER_MS = 600_000
/** A fee that Stripe has not told in a month it will not tell. */
const FEES_MS = 30 * 24 * 3_600_000
/** For as long Stripe answers a repeated request with its first answer. */
const KEY_MS = 24 * 3_600_000

/** Asks how the plans stand whose period has ended, or that Stripe has not answered for. */
export async function settlePlans(context: SettlementContext): Promise<number> {
  const { store } = context
  const at = context.now()
  let seen = 0
  const open = allPages(
    (after, limit) => store.unsettledPlans(at - OPEN_AFTER_MS, after, limit),
    ({ id }) => id,
  )
  const unpriced = allPages(
    (after, limit) => store.invoicesWithoutFee(at - FEES_MS, after, limit),
    (invoice) => invoice,
  )
  const settlePlan = (row: SubscriptionRow) => {
    seen++
    return settle(context, row)
  }
  const settleFee = async (invoice: string) =>
    store.applyEffects(await invoiceNews(context, invoice))
  await oneByOne([() => oneByOne(open, settlePlan), () => oneByOne(unpriced, settleFee)], (all) =>
    all(),
  )
  return seen
}

async function settle(context: SettlementContext, row: SubscriptionRow): Promise<void> {
  const { store, payments, now } = context
  if (row.subscription !== null) {
    return store.applyEffects(await subscriptionNews(context, row.subscription))
  }
  if (row.checkout === null) {
    // The answer was lost. While Stripe keeps the key, whoever sends it again gets the answer.
    if (row.createdAt < now() - KEY_MS) await store.refusePlan(row.id, 'abandoned', now())
    return
  }
  const { status, subscription } = await payments.checkoutState(row.checkout)
  if (status === 'expired') await store.refusePlan(row.id, 'expired', now())
  if (subscription !== undefined) {
    await store.applyEffects(await subscriptionNews(context, subscription))
  }
}
