import type Stripe from 'stripe'
import { settleBankDebit } from './charging.ts'
import { invoiceOfIntent, markPaid } from './invoices.ts'
import type { Context } from './operation.ts'
import { invoicePaid, invoiceUnpaid } from './subscriptions.ts'

/** A bank's answer, days later, and what hangs on it: an invoice, a checkout. */
export function bankDebitSettled(context: Context, intentId: string): void {
  const intent = settleBankDebit(context, intentId)
  if (intent === undefined) return
  const invoice = invoiceOfIntent(context, intentId)
  if (invoice?.status === 'open') settleInvoice(context, invoice, intent)
  for (const { object } of context.state.checkouts.values()) {
    const mine = object.payment_intent === intent.id || object.invoice === (invoice?.id ?? '')
    if (!mine || object.status !== 'complete' || object.payment_status !== 'unpaid') continue
    const paid = intent.status === 'succeeded'
    if (paid) object.payment_status = 'paid'
    context.emit(`checkout.session.async_payment_${paid ? 'succeeded' : 'failed'}`, object)
  }
}

function settleInvoice(
  context: Context,
  invoice: Stripe.Invoice,
  intent: Stripe.PaymentIntent,
): void {
  if (intent.status === 'succeeded') {
    markPaid(context, invoice)
    invoicePaid(context, invoice)
    return
  }
  context.emit('invoice.payment_failed', invoice)
  invoiceUnpaid(context, invoice)
}
