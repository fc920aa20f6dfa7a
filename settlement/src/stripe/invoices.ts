import type Stripe from 'stripe'
import {
  ask,
  currency,
  each,
  idOf,
  keyed,
  known,
  marks,
  msOf,
  operationMark,
  organizationMark,
  pageMax,
  secondsOf,
} from './call.ts'
import { amountOfCents, centsOfAmount } from './cents.ts'

/** Stripe's invoices: of a subscription's periods, or of items that we add. */
export interface InvoicePayments {
  /** Waits for the customer's next invoice, or joins a draft. Negative cents are a credit. */
  addInvoiceItem(request: {
    readonly customer: string
    readonly cents: bigint
    readonly description: string
    readonly subscription?: string
    readonly invoice?: string
    readonly taxRate?: string
    readonly operation: string
  }): Promise<{ readonly invoiceItem: string }>
  /** A draft that holds the customer's waiting items. */
  createInvoice(request: {
    readonly customer: string
    readonly organization: string
    readonly operation: string
  }): Promise<InvoiceState>
  /** Gives it its number: it can no longer change. */
  finalizeInvoice(request: {
    readonly invoice: string
    readonly operation: string
  }): Promise<InvoiceState>
  /** Charges the customer's default payment method now. A decline is an error. */
  payInvoice(request: {
    readonly invoice: string
    readonly paymentMethod?: string
    readonly operation: string
  }): Promise<InvoiceState>
  voidInvoice(request: {
    readonly invoice: string
    readonly operation: string
  }): Promise<InvoiceState>
  invoiceState(invoice: string): Promise<InvoiceState>
  /** Invoices created since a time, newest first. */
  invoices(request: {
    readonly sinceMs: number
    readonly customer?: string
  }): AsyncIterable<InvoiceState>
  /** Stripe's page where a customer sees invoices and changes the payment method: good for minutes. */
  portalUrl(request: {
    readonly customer: string
    readonly returnUrl: string
    readonly operation: string
  }): Promise<string>
}

export interface InvoiceState {
  readonly invoice: string
  /** Stripe's number, from the moment it is final. */
  readonly number: string | undefined
  readonly status: 'draft' | 'open' | 'paid' | 'void' | 'uncollectible'
  readonly customer: string | undefined
  readonly subscription: string | undefined
  /** Before tax, tax, and what is due; a credit makes them negative. */
  readonly subtotalCents: bigint
  readonly taxCents: bigint
  readonly totalCents: bigint
  readonly paidCents: bigint
  readonly remainingCents: bigint
  readonly periodStartMs: number
  readonly periodEndMs: number
  readonly createdMs: number
  readonly attempts: number
  /** When Stripe tries to charge again. */
  readonly nextAttemptMs: number | undefined
  /** The payment that paid it, or tried to last. */
  readonly paymentIntent: string | undefined
  readonly lines: readonly InvoiceLine[]
  readonly operation: string | undefined
  readonly organization: string | undefined
}

export interface InvoiceLine {
  readonly description: string | undefined
  /** Before tax. */
  readonly cents: bigint
  readonly taxCents: bigint
  readonly quantity: number
  readonly price: string | undefined
  readonly proration: boolean
  readonly periodStartMs: number
  readonly periodEndMs: number
  readonly operation: string | undefined
}

const expand = ['payments']

export function invoicePayments(stripe: Stripe): InvoicePayments {
  const stateOf = async (call: () => Promise<Stripe.Invoice>) => invoiceState(await ask(call))
  return {
    async addInvoiceItem(request) {
      const { customer, cents, description, operation } = request
      const { subscription, invoice, taxRate } = request
      const amount = cents < 0n ? -amountOfCents(-cents) : amountOfCents(cents)
      const item = await ask(() =>
        stripe.invoiceItems.create(
          {
            customer,
            amount,
            currency,
            description,
            ...(subscription !== undefined && { subscription }),
            ...(invoice !== undefined && { invoice }),
            ...(taxRate !== undefined && { tax_rates: [taxRate] }),
            metadata: marks(operation),
          },
          keyed('invoice-item', operation),
        ),
      )
      return { invoiceItem: item.id }
    },
    createInvoice: ({ customer, organization, operation }) =>
      stateOf(() =>
        stripe.invoices.create(
          {
            customer,
            auto_advance: false,
            pending_invoice_items_behavior: 'include',
            metadata: marks(operation, organization),
            expand,
          },
          keyed('invoice', operation),
        ),
      ),
    finalizeInvoice: ({ invoice, operation }) =>
      stateOf(() =>
        stripe.invoices.finalizeInvoice(invoice, { expand }, keyed('finalize', operation)),
      ),
    payInvoice: ({ invoice, paymentMethod, operation }) =>
      stateOf(() =>
        stripe.invoices.pay(
          invoice,
          {
            off_session: true,
            ...(paymentMethod !== undefined && { payment_method: paymentMethod }),
            expand,
          },
          keyed('invoice-pay', operation),
        ),
      ),
    voidInvoice: ({ invoice, operation }) =>
      stateOf(() =>
        stripe.invoices.voidInvoice(invoice, { expand }, keyed('invoice-void', operation)),
      ),
    invoiceState: (invoice) => stateOf(() => stripe.invoices.retrieve(invoice, { expand })),
    async *invoices({ sinceMs, customer }) {
      const list = stripe.invoices.list({
        created: { gte: secondsOf(sinceMs) },
        ...(customer !== undefined && { customer }),
        limit: pageMax,
        expand: ['data.payments'],
      })
      for await (const invoice of each(list)) yield invoiceState(invoice)
    },
    async portalUrl({ customer, returnUrl, operation }) {
      const params = { customer, return_url: returnUrl }
      const session = await ask(() =>
        stripe.billingPortal.sessions.create(params, keyed('portal', operation)),
      )
      return session.url
    },
  }
}

const statuses = ['draft', 'open', 'paid', 'uncollectible', 'void'] as const

function invoiceState(invoice: Stripe.Invoice): InvoiceState {
  const details = invoice.parent?.subscription_details
  const taxes = invoice.total_taxes ?? []
  const next = invoice.next_payment_attempt
  // The invoice of a subscription carries the subscription's metadata beside its own.
  const metadata = { ...details?.metadata, ...invoice.metadata }
  return {
    invoice: invoice.id,
    number: invoice.number ?? undefined,
    status: known(invoice.status, statuses, 'open'),
    customer: idOf(invoice.customer),
    subscription: idOf(details?.subscription),
    subtotalCents: centsOfAmount(invoice.subtotal),
    taxCents: taxes.reduce((sum, { amount }) => sum + centsOfAmount(amount), 0n),
    totalCents: centsOfAmount(invoice.total),
    paidCents: centsOfAmount(invoice.amount_paid),
    remainingCents: centsOfAmount(invoice.amount_remaining),
    periodStartMs: msOf(invoice.period_start),
    periodEndMs: msOf(invoice.period_end),
    createdMs: msOf(invoice.created),
    attempts: invoice.attempt_count,
    nextAttemptMs: next === null ? undefined : msOf(next),
    paymentIntent: paymentIntentOf(invoice),
    lines: invoice.lines.data.map(lineOf),
    operation: metadata[operationMark],
    organization: metadata[organizationMark],
  }
}

function paymentIntentOf({ payments }: Stripe.Invoice): string | undefined {
  const tried = payments?.data ?? []
  const paid = tried.find(({ status }) => status === 'paid') ?? tried[0]
  return idOf(paid?.payment.payment_intent)
}

function lineOf(line: Stripe.InvoiceLineItem): InvoiceLine {
  const { parent, period } = line
  const price = line.pricing?.price_details?.price
  const item = parent?.subscription_item_details ?? parent?.invoice_item_details
  return {
    description: line.description ?? undefined,
    cents: centsOfAmount(line.amount),
    taxCents: (line.taxes ?? []).reduce((sum, { amount }) => sum + centsOfAmount(amount), 0n),
    quantity: line.quantity ?? 1,
    price: idOf(price),
    proration: item?.proration ?? false,
    periodStartMs: msOf(period.start),
    periodEndMs: msOf(period.end),
    operation: line.metadata[operationMark],
  }
}
