import { oneByOne } from '../billing/one-by-one.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { DisputeState, StripeEvent } from '../stripe/index.ts'
import type { StripeEffect } from '../stripe-events/effect.ts'
import { paymentNews } from '../top-ups/payment-news.ts'
import type { DisputeRow } from './dispute-store.ts'

/** What a dispute event says now. */
export async function disputeEffect(
  context: SettlementContext,
  event: StripeEvent,
): Promise<readonly StripeEffect[]> {
  if (event.kind !== 'snapshot' || !event.type.startsWith('charge.dispute.')) return []
  const { id } = event.object
  return id === undefined ? [] : effectsOf(context, await context.payments.disputeState(id))
}

/** Sends the evidence to the bank, once. @throws {SettlementError} HANSE_NOT_FOUND */
export const contest = (
  context: SettlementContext,
  dispute: string,
  statement: string,
): Promise<DisputeRow> =>
  act(context, dispute, () =>
    context.payments.contestDispute({ dispute, statement, operation: dispute }),
  )

/** Gives in. @throws {SettlementError} HANSE_NOT_FOUND */
export const accept = (context: SettlementContext, dispute: string): Promise<DisputeRow> =>
  act(context, dispute, () => context.payments.acceptDispute({ dispute, operation: dispute }))

async function act(
  context: SettlementContext,
  dispute: string,
  ask: () => Promise<DisputeState>,
): Promise<DisputeRow> {
  const { store } = context
  const known = await store.dispute(dispute)
  if (known === undefined) throw new SettlementError('HANSE_NOT_FOUND', `no dispute ${dispute}`)
  await store.applyEffects(await effectsOf(context, await ask()))
  return (await store.dispute(dispute)) ?? known
}

/** Disputes are open for months: older ones are looked at again by nobody. */
const LOOK_BACK_MS = 180 * 86_400_000

/** Looks at every dispute of the last months again, in case its news came before its payment's. */
export async function refreshDisputes(context: SettlementContext): Promise<number> {
  let seen = 0
  const sinceMs = context.now() - LOOK_BACK_MS
  await oneByOne(context.payments.disputes({ sinceMs }), async (state) => {
    await context.store.applyEffects(await effectsOf(context, state))
    seen++
  })
  return seen
}

async function effectsOf(
  context: SettlementContext,
  state: DisputeState,
): Promise<readonly StripeEffect[]> {
  const { paymentIntent } = state
  if (paymentIntent === undefined) return []
  const news = {
    id: state.dispute,
    paymentIntent,
    cents: state.cents,
    status: state.status,
    reason: state.reason,
    // Stripe counts its fee among what was withdrawn.
    withdrawnCents: most(state.withdrawnCents - state.feeCents, 0n),
    feeCents: state.feeCents,
    evidenceDueMs: state.evidenceDueMs ?? null,
    createdMs: state.createdMs,
    at: context.now(),
  }
  // What is disputed was paid: the payment may not be credited yet.
  const payment = await paymentNews(context, paymentIntent)
  return [...payment, { kind: 'dispute', news }]
}

const most = (a: bigint, b: bigint) => (a > b ? a : b)
