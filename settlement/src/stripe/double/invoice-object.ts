import type Stripe from 'stripe'
import type { Context } from './operation.ts'
import { storedId } from './stored-id.ts'
import { type Taxed, taxesOf } from './tax.ts'

export interface NewLine {
  readonly amount: number
  readonly description: string | null
  readonly quantity: number
  readonly period: { readonly start: number; readonly end: number }
  readonly price?: Stripe.Price
  readonly taxRates: readonly Stripe.TaxRate[]
  readonly metadata: Record<string, string>
  readonly parent: Stripe.InvoiceLineItem['parent']
}

type Exempt = Stripe.Customer['tax_exempt']

export function lineObject(
  context: Context,
  invoice: string,
  line: NewLine,
  exempt: Exempt,
): Stripe.InvoiceLineItem {
  const { price } = line
  return {
    id: context.newId('il'),
    object: 'line_item',
    amount: line.amount,
    currency: 'eur',
    description: line.description,
    discount_amounts: [],
    discountable: true,
    discounts: [],
    invoice,
    livemode: false,
    metadata: line.metadata,
    parent: line.parent,
    period: line.period,
    pretax_credit_amounts: [],
    pricing:
      price === undefined
        ? null
        : {
            price_details: { price: price.id, product: storedId(price.product) },
            type: 'price_details',
            unit_amount_decimal: null,
          },
    quantity: line.quantity,
    quantity_decimal: null,
    subscription: null,
    subtotal: line.amount,
    taxes: taxesOf(line.amount, line.taxRates, exempt).map((taxed) => taxObject(taxed, exempt)),
  }
}

function taxObject({ rate, tax, taxable }: Taxed, exempt: Exempt): Stripe.InvoiceLineItem.Tax {
  return {
    amount: tax,
    tax_behavior: rate.inclusive ? 'inclusive' : 'exclusive',
    tax_rate_details: { tax_rate: rate.id },
    taxability_reason: taxability(exempt),
    taxable_amount: taxable,
    type: 'tax_rate_details',
  }
}

function taxability(exempt: Exempt): string {
  if (exempt === 'reverse') return 'reverse_charge'
  return exempt === 'exempt' ? 'customer_exempt' : 'standard_rated'
}

/** The sums of a draft, from its lines. */
export function sumUp(invoice: Stripe.Invoice): void {
  const lines = invoice.lines.data
  const taxes = lines.flatMap((line) => line.taxes ?? [])
  const subtotal = lines.reduce((sum, { amount }) => sum + amount, 0)
  const sumOf = (behavior: string): number =>
    taxes.reduce((sum, tax) => sum + (tax.tax_behavior === behavior ? tax.amount : 0), 0)
  const total = subtotal + sumOf('exclusive')
  invoice.subtotal = subtotal
  invoice.subtotal_excluding_tax = subtotal - sumOf('inclusive')
  invoice.total = total
  invoice.total_excluding_tax = total - sumOf('exclusive') - sumOf('inclusive')
  invoice.total_taxes = taxes
  invoice.amount_due = Math.max(0, total + invoice.starting_balance)
  invoice.amount_remaining = invoice.amount_due - invoice.amount_paid
}

export interface NewInvoice {
  readonly customer: Stripe.Customer
  readonly reason: Stripe.Invoice['billing_reason']
  readonly period: { readonly start: number; readonly end: number }
  readonly subscription?: Stripe.Subscription
  readonly metadata: Record<string, string>
  readonly description?: string | null
  readonly defaultTaxRates: readonly Stripe.TaxRate[]
  readonly advances: boolean
}

export function invoiceObject(context: Context, given: NewInvoice): Stripe.Invoice {
  const { customer, subscription } = given
  const invoiceId = context.newId('in')
  return {
    id: invoiceId,
    object: 'invoice',
    account_country: 'DE',
    account_name: 'Hanse',
    account_tax_ids: null,
    amount_due: 0,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_remaining: 0,
    amount_shipping: 0,
    application: null,
    attempt_count: 0,
    attempted: false,
    auto_advance: given.advances,
    automatic_tax: {
      disabled_reason: null,
      enabled: false,
      liability: null,
      provider: null,
      status: null,
    },
    automatically_finalizes_at: null,
    billing_reason: given.reason,
    collection_method: 'charge_automatically',
    created: context.nowS,
    currency: 'eur',
    custom_fields: null,
    customer: customer.id,
    customer_account: null,
    customer_address: customer.address ?? null,
    customer_email: customer.email,
    customer_name: customer.name ?? null,
    customer_phone: null,
    customer_shipping: null,
    customer_tax_exempt: customer.tax_exempt ?? 'none',
    customer_tax_ids: taxIdsFor(context, customer.id),
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [...given.defaultTaxRates],
    description: given.description ?? null,
    discounts: [],
    due_date: null,
    effective_at: null,
    ending_balance: null,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: 'self' },
    last_finalization_error: null,
    latest_revision: null,
    lines: {
      object: 'list',
      data: [],
      has_more: false,
      url: `/v1/invoices/${invoiceId}/lines`,
    },
    livemode: false,
    metadata: given.metadata,
    next_payment_attempt: null,
    number: null,
    on_behalf_of: null,
    parent: subscription === undefined ? null : parentOf(subscription),
    payment_settings: {
      default_mandate: null,
      payment_method_options: null,
      payment_method_types: null,
    },
    payments: {
      object: 'list',
      data: [],
      has_more: false,
      url: `/v1/invoice_payments?invoice=${invoiceId}`,
    },
    period_end: given.period.end,
    period_start: given.period.start,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: 0,
    statement_descriptor: null,
    status: 'draft',
    status_transitions: {
      finalized_at: null,
      marked_uncollectible_at: null,
      paid_at: null,
      voided_at: null,
    },
    subtotal: 0,
    subtotal_excluding_tax: 0,
    test_clock: null,
    total: 0,
    total_discount_amounts: [],
    total_excluding_tax: 0,
    total_pretax_credit_amounts: [],
    total_taxes: [],
    webhooks_delivered_at: null,
  }
}

function parentOf({ id, metadata }: Stripe.Subscription): Stripe.Invoice.Parent {
  return {
    quote_details: null,
    subscription_details: { metadata: { ...metadata }, subscription: id },
    type: 'subscription_details',
  }
}

function taxIdsFor({ state }: Context, customer: string): Stripe.Invoice.CustomerTaxId[] {
  return [...state.taxIds.values()]
    .filter((taxId) => taxId.customer === customer)
    .map(({ type, value }) => ({ type, value }))
}
