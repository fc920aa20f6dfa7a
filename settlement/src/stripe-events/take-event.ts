import type { SettlementContext } from '../context.ts'
import { disputeEffect } from '../disputes/dispute.ts'
import { bankPayoutEffect } from '../payouts/bank-payouts.ts'
import { transferEffect } from '../payouts/transfer-news.ts'
import { planEffect } from '../plans/plan-news.ts'
import { refreshProvider } from '../providers/provider-account.ts'
import { refundEffect } from '../refunds/refund.ts'
import type { StripeEvent } from '../stripe/index.ts'
import { paymentEffect } from '../top-ups/payment-news.ts'
import type { StripeEffect } from './effect.ts'

/** Looks at an event, and asks Stripe how the thing stands now. */
type Reader = (context: SettlementContext, event: StripeEvent) => Promise<readonly StripeEffect[]>

/** Each reads the events that concern it and leaves the rest alone. */
const READERS: readonly Reader[] = [
  paymentEffect,
  refundEffect,
  disputeEffect,
  planEffect,
  transferEffect,
  bankPayoutEffect,
  accountNews,
]

/**
 * Has the effects of a verified event once, however often and in whatever order events come. Whether it was delivered or
 * fetched makes no difference. What Stripe says now is fetched before the transaction; the event and its effects are one
 * transaction.
 *
 * @param body the event as it came
 * @returns whether the event is new
 */
export async function takeEvent(
  context: SettlementContext,
  event: StripeEvent,
  body: Uint8Array,
): Promise<boolean> {
  const effects: StripeEffect[] = []
  for (const read of READERS) effects.push(...(await read(context, event)))
  return context.store.takeStripeEvent(
    { id: event.id, type: event.type, body: Uint8Array.from(body), at: context.now() },
    effects,
  )
}

/** Any news of an account is a reason to ask how it is: setting it twice changes nothing. */
async function accountNews(
  context: SettlementContext,
  event: StripeEvent,
): Promise<readonly StripeEffect[]> {
  const account = event.kind === 'thin' ? event.related?.id : event.account
  const provider =
    account === undefined ? undefined : await context.store.providerByAccount(account)
  if (provider !== undefined) await refreshProvider(context, provider.peerId)
  return []
}
