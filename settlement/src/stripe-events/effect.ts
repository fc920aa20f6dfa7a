import type { Database } from '../db/database.ts'
import { applyDispute, type DisputeNews } from '../disputes/dispute-store.ts'
import { type BankPayout, takeBankPayout } from '../payouts/bank-payouts.ts'
import { type TransferNews, takeTransferNews } from '../payouts/reversal-store.ts'
import { applyInvoice, type InvoiceNews } from '../plans/invoice-store.ts'
import { applySubscription, type SubscriptionNews } from '../plans/subscription-store.ts'
import { applyRefund, type RefundNews } from '../refunds/refund-store.ts'
import { finishTopUp, type TopUpOutcome } from '../top-ups/top-up-store.ts'

/**
 * What an event of Stripe comes to in our books, as plain data that can cross to the store's thread. It says how things
 * stand now, not what changed, so that late, repeated and reordered events do no harm.
 */
export type StripeEffect =
  | { readonly kind: 'top-up'; readonly outcome: TopUpOutcome }
  | { readonly kind: 'refund'; readonly news: RefundNews }
  | { readonly kind: 'dispute'; readonly news: DisputeNews }
  | { readonly kind: 'subscription'; readonly news: SubscriptionNews }
  | { readonly kind: 'invoice'; readonly news: InvoiceNews }
  | { readonly kind: 'transfer'; readonly news: TransferNews }
  | { readonly kind: 'bank-payout'; readonly payout: BankPayout; readonly at: number }

/** Has the effect inside the transaction that stores the event. */
export async function applyEffect(tx: Database, effect: StripeEffect): Promise<void> {
  switch (effect.kind) {
    case 'top-up':
      await finishTopUp(tx, effect.outcome)
      return
    case 'refund':
      return applyRefund(tx, effect.news)
    case 'dispute':
      return applyDispute(tx, effect.news)
    case 'subscription':
      return applySubscription(tx, effect.news)
    case 'invoice':
      return applyInvoice(tx, effect.news)
    case 'transfer':
      await takeTransferNews(tx, effect.news)
      return
    case 'bank-payout':
      await takeBankPayout(tx, effect.payout, effect.at)
      return
  }
}
