import { requirementsPastDue } from './account-changes.ts'
import { bankDebitSettled } from './bank-debits.ts'
import { expireCheckout } from './checkouts.ts'
import { decideDispute, forfeitDispute } from './disputes.ts'
import { forgetEvents } from './events.ts'
import { makeAvailable } from './money.ts'
import type { Context } from './operation.ts'
import { failPayout, payOutAutomatically, payoutArrives, payoutLeaves } from './payouts.ts'
import { decideRefund } from './refunds.ts'
import type { Due, DueKind } from './state.ts'
import { advanceInvoice, giveUp, renew } from './subscriptions.ts'
import { checkTaxId } from './tax.ts'

/** What happens by itself; the context's time is when it was due. */
export function happen(context: Context, { kind, subject }: Due): void {
  happenings[kind](context, subject)
}

const happenings: Readonly<Record<DueKind, (context: Context, subject: string) => void>> = {
  'balance-available': makeAvailable,
  'bank-debit-settles': bankDebitSettled,
  'day-begins'(context) {
    forgetEvents(context)
    payOutAutomatically(context)
  },
  'checkout-expires'(context, checkoutId) {
    const record = context.state.checkouts.get(checkoutId)
    if (record !== undefined) expireCheckout(context, record)
  },
  'dispute-decided': decideDispute,
  'dispute-unanswered': forfeitDispute,
  'invoice-advances': advanceInvoice,
  'payout-arrives': payoutArrives,
  'payout-fails': (context, payoutId) => failPayout(context, payoutId),
  'payout-leaves': payoutLeaves,
  'refund-decided': decideRefund,
  'requirements-past-due': requirementsPastDue,
  'subscription-gives-up': giveUp,
  'subscription-renews': renew,
  'tax-id-checked': checkTaxId,
}
