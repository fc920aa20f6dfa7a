import { randomUUID } from 'node:crypto'
import { digestOf } from '../authorizations/authorize.ts'
import { oneByOne } from '../billing/one-by-one.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { lookUp } from '../payouts/look-up.ts'
import { subscriptionNews } from '../plans/plan-news.ts'
import { PaymentsError, type Refund, type StripeEvent } from '../stripe/index.ts'
import type { StripeEffect } from '../stripe-events/effect.ts'
import { paymentNews } from '../top-ups/payment-news.ts'
import type { RefundNews, RefundRow } from './refund-store.ts'

export interface RefundRequest {
  readonly organization: string
  /** Id of a top-up. */
  readonly topUp: string
  /** VAT included. */
  readonly cents: bigint
  readonly idempotencyKey: string
}

/** Longer than Stripe's client tries: three times 30 s. */
const LEASE_MS = 120_000
/** Others may still be at work on younger ones. */
const OPEN_AFTER_MS = 60_000
const OPEN_MAX = 200
/** For as long Stripe brings an event again. A payment that is unknown after that is shown by the reconciliation. */
const EXPECTED_MS = 3 * 86_400_000

/**
 * Gives back what was not spent of a top-up, in part or whole, once for each idempotency key. What goes back is set
 * aside first, so that nobody spends it meanwhile.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_REFUND_LIMIT, HANSE_BALANCE_INSUFFICIENT, HANSE_PAYMENT_FAILED,
 * HANSE_PAYMENTS_UNAVAILABLE, HANSE_IDEMPOTENCY_KEY
 */
export async function requestRefund(
  context: SettlementContext,
  { organization, topUp, cents, idempotencyKey }: RefundRequest,
): Promise<RefundRow> {
  const id = `re-${randomUUID()}`
  const row = await context.store.beginRefund({
    id,
    organization,
    idempotencyKey,
    requestDigest: digestOf([topUp, cents]),
    topUp,
    cents,
    at: context.now(),
  })
  return advance(context, row, row.id === id)
}

/** Asks again for every refund whose answer was lost. */
export async function settleRefunds(context: SettlementContext): Promise<number> {
  const open = await context.store.openRefunds(context.now() - OPEN_AFTER_MS, OPEN_MAX)
  let settled = 0
  await oneByOne(open, async (row) => {
    try {
      if ((await advance(context, row, false)).state !== 'requested') settled++
    } catch (error) {
      // It was refused, or there is no answer yet: both are outcomes that are written down.
      if (!(error instanceof SettlementError)) throw error
    }
  })
  return settled
}

/** @param isNew Stripe was never asked for it */
async function advance(
  context: SettlementContext,
  row: RefundRow,
  isNew: boolean,
): Promise<RefundRow> {
  const { store, payments, now } = context
  if (!(await store.leaseRefund(row.id, now() + LEASE_MS, now()))) {
    return (await store.refund(row.id)) ?? row
  }
  const { paymentIntent, cents, id: operation } = row
  try {
    // Stripe forgets idempotency keys after a day: what was asked before is looked up first.
    const before = isNew
      ? undefined
      : await lookUp(() => payments.findRefund({ paymentIntent, operation }))
    const made = before ?? (await payments.refund({ paymentIntent, cents, operation }))
    await store.applyEffects([{ kind: 'refund', news: newsOf(made, paymentIntent, now()) }])
    return (await store.refund(row.id)) ?? row
  } catch (error) {
    if (!(error instanceof PaymentsError)) {
      await store.returnRefund(row.id)
      throw error
    }
    if (error.retryable) {
      await store.returnRefund(row.id)
      throw new SettlementError('HANSE_PAYMENTS_UNAVAILABLE', error.message, { cause: error })
    }
    await store.refuseRefund(row.id, error.stripeCode ?? error.code, now())
    throw new SettlementError('HANSE_PAYMENT_FAILED', error.message, { cause: error })
  }
}

const REFUND_EVENTS = /^(?:refund\.|charge\.refund\.updated$)/u

/** What a refund event says now, whoever made the refund. */
export async function refundEffect(
  context: SettlementContext,
  event: StripeEvent,
): Promise<readonly StripeEffect[]> {
  if (event.kind !== 'snapshot' || !REFUND_EVENTS.test(event.type)) return []
  const { id } = event.object
  if (id === undefined) return []
  const made = await context.payments.refundState(id)
  const { paymentIntent } = made
  if (paymentIntent === undefined) return []
  // What is refunded was paid: the payment may not be credited yet.
  const payment = await paymentNews(context, paymentIntent)
  const plan = payment.length > 0 ? undefined : await planNews(context, paymentIntent)
  const news = newsOf(made, paymentIntent, context.now())
  const isExpected = plan !== undefined && context.now() - event.createdMs < EXPECTED_MS
  return [...payment, ...(plan ?? []), { kind: 'refund', news: { ...news, isExpected } }]
}

/** How the plan stands that a payment may be of; undefined where it is none of ours. */
async function planNews(
  { store, payments, ...rest }: SettlementContext,
  paymentIntent: string,
): Promise<readonly StripeEffect[] | undefined> {
  const { customer, operation } = await payments.paymentState(paymentIntent)
  if (customer === undefined || operation !== undefined) return undefined
  const organization = await store.organizationOfCustomer(customer)
  if (organization === undefined) return undefined
  const subscription = (await store.planOf(organization))?.subscription
  return subscription == null
    ? undefined
    : subscriptionNews({ store, payments, ...rest }, subscription)
}

const newsOf = (made: Refund, paymentIntent: string, at: number): RefundNews => ({
  refund: made.refund,
  operation: made.operation ?? null,
  paymentIntent,
  cents: made.cents,
  status: made.status,
  failure: made.failureReason ?? null,
  at,
})
