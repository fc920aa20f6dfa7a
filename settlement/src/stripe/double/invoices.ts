import type Stripe from 'stripe'
import { charge, type Decline } from './charging.ts'
import { invalidRequest, resourceMissing } from './fault.ts'
import {
  invoiceObject,
  lineObject,
  type NewInvoice,
  type NewLine,
  sumUp,
} from './invoice-object.ts'
import type { Context } from './operation.ts'
import { newPaymentIntent } from './payment-intents.ts'
import type { PaymentMethodRecord } from './state.ts'
import { storedId } from './stored-id.ts'

type Invoice = Stripe.Invoice

export function findInvoice({ state }: Context, invoiceId: string): Invoice {
  const invoice = state.invoices.get(invoiceId)
  if (invoice === undefined) throw resourceMissing('invoice', invoiceId)
  return invoice
}

export function newDraft(context: Context, given: NewInvoice, lines: readonly NewLine[]): Invoice {
  const invoice = invoiceObject(context, given)
  context.state.invoices.set(invoice.id, invoice)
  for (const line of lines) addLine(context, invoice, line)
  sumUp(invoice)
  context.emit('invoice.created', invoice)
  return invoice
}

export function addLine(context: Context, invoice: Invoice, line: NewLine): void {
  const rates = line.taxRates.length > 0 ? line.taxRates : invoice.default_tax_rates
  const exempt = invoice.customer_tax_exempt
  invoice.lines.data.push(lineObject(context, invoice.id, { ...line, taxRates: rates }, exempt))
  sumUp(invoice)
}

/** The customer's items that wait for an invoice, as lines; they belong to it from now on. */
export function takeItems(
  context: Context,
  invoice: Invoice,
  wanted: (item: Stripe.InvoiceItem) => boolean,
): void {
  for (const item of context.state.invoiceItems.values()) {
    if (item.invoice !== null || item.customer !== invoice.customer || !wanted(item)) continue
    item.invoice = invoice.id
    addLine(context, invoice, lineOfItem(context, item))
  }
}

export function lineOfItem({ state }: Context, item: Stripe.InvoiceItem): NewLine {
  const { price: priceId } = item.pricing?.price_details ?? {}
  const price = state.prices.get(typeof priceId === 'string' ? priceId : '')
  const subscription = item.parent?.subscription_details?.subscription ?? null
  return {
    amount: item.amount,
    description: item.description,
    quantity: item.quantity,
    period: item.period,
    ...(price !== undefined && { price }),
    taxRates: item.tax_rates ?? [],
    metadata: { ...item.metadata },
    parent: {
      invoice_item_details: {
        invoice_item: item.id,
        proration: item.proration,
        proration_details: null,
        subscription,
      },
      subscription_item_details: null,
      type: 'invoice_item_details',
    },
  }
}

/** Gives it its number; what the customer has as credit is used, and a credit is kept. */
export function finalize(context: Context, invoice: Invoice): void {
  if (invoice.status !== 'draft') {
    throw invalidRequest('This invoice is already finalized.', 'invoice_not_editable')
  }
  const customer = context.state.customers.get(storedId(invoice.customer))
  invoice.starting_balance = customer?.balance ?? 0
  sumUp(invoice)
  const left = invoice.total + invoice.starting_balance
  invoice.ending_balance = Math.min(0, left)
  if (customer !== undefined) customer.balance = invoice.ending_balance
  context.state.invoiceNumber += 1
  invoice.number = `HANSE-${String(context.state.invoiceNumber).padStart(4, '0')}`
  invoice.status = 'open'
  invoice.status_transitions.finalized_at = context.nowS
  invoice.effective_at = context.nowS
  invoice.hosted_invoice_url = `${context.baseUrl}/invoice/${invoice.id}`
  context.emit('invoice.finalized', invoice)
  if (invoice.amount_due === 0) markPaid(context, invoice)
}

export type Collected =
  | { readonly outcome: 'paid' | 'processing' | 'no method' }
  | {
      readonly outcome: 'declined'
      readonly decline: Decline
      readonly intent: Stripe.PaymentIntent
    }

/** One attempt to charge what is due. */
export function attemptPayment(
  context: Context,
  invoice: Invoice,
  record: PaymentMethodRecord | undefined,
  offSession: boolean,
): Collected {
  if (invoice.status === 'paid') return { outcome: 'paid' }
  if (invoice.status !== 'open') {
    throw invalidRequest(`This invoice is ${invoice.status}.`, 'invoice_not_editable')
  }
  // A bank debit is on its way: a second one would take the money twice.
  if (triedIntent(context, invoice)?.status === 'processing') return { outcome: 'processing' }
  invoice.attempted = true
  invoice.attempt_count += 1
  if (record === undefined) {
    context.emit('invoice.payment_failed', invoice)
    return { outcome: 'no method' }
  }
  const intent = intentOf(context, invoice)
  const decline = charge(context, intent, record, offSession)
  if (decline !== undefined) {
    context.emit('invoice.payment_failed', invoice)
    const asks = decline.code === 'authentication_required'
    if (asks) context.emit('invoice.payment_action_required', invoice)
    return { outcome: 'declined', decline, intent }
  }
  if (intent.status === 'processing') return { outcome: 'processing' }
  markPaid(context, invoice)
  return { outcome: 'paid' }
}

function triedIntent({ state }: Context, invoice: Invoice): Stripe.PaymentIntent | undefined {
  const [tried] = invoice.payments?.data ?? []
  return state.paymentIntents.get(storedId(tried?.payment.payment_intent))
}

/** An invoice keeps one intent, however often it is tried. */
function intentOf(context: Context, invoice: Invoice): Stripe.PaymentIntent {
  const before = triedIntent(context, invoice)
  if (before !== undefined) return before
  const intent = newPaymentIntent(context, {
    amount: invoice.amount_remaining,
    customer: typeof invoice.customer === 'string' ? invoice.customer : null,
    description: `Payment for Invoice ${invoice.number ?? ''}`,
    metadata: {},
  })
  invoice.payments?.data.push({
    id: context.newId('inpay'),
    object: 'invoice_payment',
    amount_paid: null,
    amount_requested: intent.amount,
    created: context.nowS,
    currency: 'eur',
    invoice: invoice.id,
    is_default: true,
    livemode: false,
    payment: { payment_intent: intent.id, type: 'payment_intent' },
    status: 'open',
    status_transitions: { canceled_at: null, paid_at: null },
  })
  return intent
}

export function markPaid(context: Context, invoice: Invoice): void {
  invoice.status = 'paid'
  invoice.attempted = true
  invoice.amount_paid = invoice.amount_due
  invoice.amount_remaining = 0
  invoice.next_payment_attempt = null
  invoice.status_transitions.paid_at = context.nowS
  for (const payment of invoice.payments?.data ?? []) {
    payment.status = 'paid'
    payment.amount_paid = payment.amount_requested
    payment.status_transitions.paid_at = context.nowS
  }
  context.emit('invoice.paid', invoice)
  context.emit('invoice.payment_succeeded', invoice)
}

export function voidInvoice(context: Context, invoice: Invoice): void {
  if (invoice.status !== 'open' && invoice.status !== 'uncollectible') {
    throw invalidRequest(`You can only void open invoices; this one is ${invoice.status}.`)
  }
  invoice.status = 'void'
  invoice.next_payment_attempt = null
  invoice.status_transitions.voided_at = context.nowS
  context.emit('invoice.voided', invoice)
}

export function invoiceOfIntent({ state }: Context, intentId: string): Invoice | undefined {
  for (const invoice of state.invoices.values()) {
    const [tried] = invoice.payments?.data ?? []
    if (tried?.payment.payment_intent === intentId) return invoice
  }
  return undefined
}
