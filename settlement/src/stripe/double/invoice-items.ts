import type Stripe from 'stripe'
import { z } from 'zod'
import { findCustomer } from './customers.ts'
import { invalidRequest } from './fault.ts'
import { addLine, findInvoice, lineOfItem } from './invoices.ts'
import { type Context, operation } from './operation.ts'
import { pageOf } from './pages.ts'
import { boolean, currency, expand, id, metadata, page, text } from './params.ts'
import { storedId } from './stored-id.ts'
import { findTaxRates } from './tax.ts'

// An item may be a credit: docs.stripe.com/api/invoiceitems/create.
const signedCents = z
  .union([
    z.int(),
    z
      .string()
      .regex(/^-?\d{1,12}$/)
      .transform(Number),
  ])
  .refine((cents) => cents !== 0, 'not zero')

export const createInvoiceItem = operation({
  name: 'InvoiceItems.create',
  method: 'POST',
  path: '/v1/invoiceitems',
  params: z.strictObject({
    amount: signedCents,
    currency,
    customer: id,
    description: text.optional(),
    invoice: id.optional(),
    subscription: id.optional(),
    tax_rates: z.array(id).max(5).default([]),
    expand,
    metadata,
  }),
  run(params, context): Stripe.InvoiceItem {
    const { state, nowS } = context
    findCustomer(context, params.customer, 'customer')
    if (params.subscription !== undefined && !state.subscriptions.has(params.subscription)) {
      throw invalidRequest(
        `No such subscription: '${params.subscription}'`,
        'resource_missing',
        'subscription',
      )
    }
    const invoice = params.invoice === undefined ? undefined : findInvoice(context, params.invoice)
    if (invoice !== undefined && invoice.status !== 'draft') {
      throw invalidRequest('This invoice can no longer change.', 'invoice_not_editable', 'invoice')
    }
    const item = itemObject(context, {
      customer: params.customer,
      subscription: params.subscription ?? null,
      amount: params.amount,
      description: params.description ?? null,
      period: { start: nowS, end: nowS },
      proration: false,
      taxRates: findTaxRates(context, params.tax_rates),
      metadata: params.metadata,
    })
    item.invoice = invoice?.id ?? null
    state.invoiceItems.set(item.id, item)
    context.emit('invoiceitem.created', item)
    if (invoice !== undefined) addLine(context, invoice, lineOfItem(context, item))
    return item
  },
})

export const listInvoiceItems = operation({
  name: 'InvoiceItems.list',
  method: 'GET',
  path: '/v1/invoiceitems',
  params: z.strictObject({
    ...page,
    customer: id.optional(),
    invoice: id.optional(),
    pending: boolean.optional(),
  }),
  run(params, { state }) {
    const found = [...state.invoiceItems.values()].filter(
      (item) =>
        (params.customer === undefined || item.customer === params.customer) &&
        (params.invoice === undefined || item.invoice === params.invoice) &&
        (params.pending !== true || item.invoice === null),
    )
    return pageOf('/v1/invoiceitems', found, params)
  },
})

interface NewItem {
  readonly customer: string
  readonly subscription: string | null
  readonly amount: number
  readonly description: string | null
  readonly period: { readonly start: number; readonly end: number }
  readonly proration: boolean
  readonly price?: Stripe.Price
  readonly taxRates: readonly Stripe.TaxRate[]
  readonly metadata: Record<string, string>
}

export function itemObject(context: Context, given: NewItem): Stripe.InvoiceItem {
  const { price, subscription } = given
  return {
    id: context.newId('ii'),
    object: 'invoiceitem',
    amount: given.amount,
    currency: 'eur',
    customer: given.customer,
    customer_account: null,
    date: context.nowS,
    description: given.description,
    discountable: !given.proration,
    discounts: [],
    invoice: null,
    livemode: false,
    metadata: given.metadata,
    parent:
      subscription === null
        ? null
        : { subscription_details: { subscription }, type: 'subscription_details' },
    period: given.period,
    pricing:
      price === undefined
        ? null
        : {
            price_details: { price: price.id, product: storedId(price.product) },
            type: 'price_details',
            unit_amount_decimal: null,
          },
    proration: given.proration,
    quantity: 1,
    // On the wire a decimal is text; the library's own type comes into being when it reads it.
    quantity_decimal: '1' as unknown as Stripe.InvoiceItem['quantity_decimal'],
    tax_rates: [...given.taxRates],
    test_clock: null,
  }
}
