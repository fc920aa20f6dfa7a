import type { SettlementContext } from '../context.ts'
import { type Payment, PaymentsError, type StripeEvent } from '../stripe/index.ts'
import type { StripeEffect } from '../stripe-events/effect.ts'
import type { TopUpOutcome } from './top-up-store.ts'

const PAYMENT_EVENTS = /^payment_intent\.(?:succeeded|payment_failed|canceled|processing)$/u
const CHARGE_EVENTS = /^charge\.(?:succeeded|updated|failed)$/u
const CHECKOUT_EVENTS = /^checkout\.session\./u

/**
 * What an event of a payment says now. The object is fetched: events arrive late, twice and out of order, and only the
 * present state counts.
 */
export async function paymentEffect(
  context: SettlementContext,
  event: StripeEvent,
): Promise<readonly StripeEffect[]> {
  const { id } = event.kind === 'snapshot' ? event.object : { id: undefined }
  if (id === undefined) return []
  if (PAYMENT_EVENTS.test(event.type)) return paymentNews(context, id)
  if (CHARGE_EVENTS.test(event.type)) {
    const { paymentIntent } = await context.payments.chargeState(id)
    return paymentIntent === undefined ? [] : paymentNews(context, paymentIntent)
  }
  return CHECKOUT_EVENTS.test(event.type) ? checkoutNews(context, id) : []
}

/** How a payment stands, if this service made it. */
export async function paymentNews(
  context: SettlementContext,
  paymentIntent: string,
): Promise<readonly StripeEffect[]> {
  const payment = await context.payments.paymentState(paymentIntent)
  // A payment that this service did not make has no row to credit.
  if (payment.operation === undefined) return []
  return [{ kind: 'top-up', outcome: await outcomeOf(context, payment.operation, payment) }]
}

/** How a page for a top-up stands. An unpaid one that is complete waits for the bank. */
export async function checkoutNews(
  context: SettlementContext,
  checkout: string,
): Promise<readonly StripeEffect[]> {
  const state = await context.payments.checkoutState(checkout)
  if (state.mode !== 'payment' || state.operation === undefined) return []
  const { paymentIntent, operation: id, cents } = state
  if (state.status === 'expired') {
    const failed = { status: 'failed', failure: 'expired', closed: true } as const
    const outcome = { id, paymentIntent: paymentIntent ?? '', cents, at: context.now(), ...failed }
    return [{ kind: 'top-up', outcome }]
  }
  if (state.status === 'open' || paymentIntent === undefined) return []
  const payment = await context.payments.paymentState(paymentIntent)
  // On a page that is complete nobody can try another card.
  return [{ kind: 'top-up', outcome: { ...(await outcomeOf(context, id, payment)), closed: true } }]
}

/** A payment's outcome for our row `id`, with Stripe's fee where that is known. */
export async function outcomeOf(
  context: SettlementContext,
  id: string,
  { paymentIntent, cents, status, charge, failureCode }: Payment,
): Promise<TopUpOutcome> {
  const fee = status === 'succeeded' ? await feeOfCharge(context, charge) : undefined
  return {
    id,
    paymentIntent,
    cents,
    status,
    charge,
    feeCents: fee,
    failure: failureCode,
    at: context.now(),
  }
}

/** What Stripe keeps of a charge. A credit does not wait for it: it can be booked later. */
export async function feeOfCharge(
  { payments }: SettlementContext,
  charge: string | undefined,
): Promise<bigint | undefined> {
  if (charge === undefined) return undefined
  try {
    return (await payments.chargeState(charge)).feeCents
  } catch (error) {
    if (error instanceof PaymentsError) return undefined
    throw error
  }
}
