import type Stripe from 'stripe'
import { z } from 'zod'
import { declined } from './charging.ts'
import { findCustomer } from './customers.ts'
import { invalidRequest } from './fault.ts'
import { finalize, findInvoice, newDraft, takeItems, voidInvoice } from './invoices.ts'
import { operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import { boolean, created, expand, id, metadata, page, text } from './params.ts'
import { methodFor } from './payment-methods.ts'
import { collect } from './subscriptions.ts'
import { findTaxRates } from './tax.ts'

export const createInvoice = operation({
  name: 'Invoices.create',
  method: 'POST',
  path: '/v1/invoices',
  params: z.strictObject({
    auto_advance: boolean.default(false),
    customer: id,
    default_tax_rates: z.array(id).max(5).default([]),
    description: text.optional(),
    pending_invoice_items_behavior: z.enum(['exclude', 'include']).default('exclude'),
    expand,
    metadata,
  }),
  run(params, context): Stripe.Invoice {
    const invoice = newDraft(
      context,
      {
        customer: findCustomer(context, params.customer, 'customer'),
        reason: 'manual',
        period: { start: context.nowS, end: context.nowS },
        metadata: params.metadata,
        description: params.description ?? null,
        defaultTaxRates: findTaxRates(context, params.default_tax_rates),
        advances: params.auto_advance,
      },
      [],
    )
    if (params.pending_invoice_items_behavior === 'include') {
      takeItems(context, invoice, (item) => item.parent === null)
    }
    if (params.auto_advance) {
      context.later('invoice-advances', invoice.id, context.nowMs + 3_600_000)
    }
    return invoice
  },
})

export const finalizeInvoice = operation({
  name: 'Invoices.finalizeInvoice',
  method: 'POST',
  path: '/v1/invoices/:id/finalize',
  params: z.strictObject({ auto_advance: boolean.optional(), expand }),
  run(params, context): Stripe.Invoice {
    const invoice = findInvoice(context, context.ids[0] ?? '')
    if (params.auto_advance !== undefined) invoice.auto_advance = params.auto_advance
    finalize(context, invoice)
    return invoice
  },
})

export const payInvoice = operation({
  name: 'Invoices.pay',
  method: 'POST',
  path: '/v1/invoices/:id/pay',
  params: z.strictObject({
    off_session: boolean.optional(),
    payment_method: id.optional(),
    expand,
  }),
  run({ payment_method: given }, context): Stripe.Invoice {
    const invoice = findInvoice(context, context.ids[0] ?? '')
    if (invoice.status === 'paid') throw invalidRequest('Invoice is already paid')
    if (invoice.status === 'draft') finalize(context, invoice)
    const record = given === undefined ? undefined : methodFor(context, given)
    const collected = collect(context, invoice, record)
    if (collected.outcome === 'declined') throw declined(collected.intent, collected.decline)
    if (collected.outcome === 'no method') {
      throw invalidRequest('There is no default_payment_method set on this Customer or Invoice.')
    }
    return invoice
  },
})

export const voidInvoiceOperation = operation({
  name: 'Invoices.voidInvoice',
  method: 'POST',
  path: '/v1/invoices/:id/void',
  params: z.strictObject({ expand }),
  run(_params, context): Stripe.Invoice {
    const invoice = findInvoice(context, context.ids[0] ?? '')
    voidInvoice(context, invoice)
    return invoice
  },
})

export const retrieveInvoice = operation({
  name: 'Invoices.retrieve',
  method: 'GET',
  path: '/v1/invoices/:id',
  params: z.strictObject({ expand }),
  run: (_params, context) => findInvoice(context, context.ids[0] ?? ''),
})

export const listInvoices = operation({
  name: 'Invoices.list',
  method: 'GET',
  path: '/v1/invoices',
  params: z.strictObject({
    ...page,
    created: created.optional(),
    customer: id.optional(),
    status: z.enum(['draft', 'open', 'paid', 'uncollectible', 'void']).optional(),
    subscription: id.optional(),
  }),
  run(params, { state }) {
    const found = [...state.invoices.values()].filter((invoice) => {
      const subscription = invoice.parent?.subscription_details?.subscription
      return (
        createdWithin(invoice.created, params.created) &&
        (params.customer === undefined || invoice.customer === params.customer) &&
        (params.status === undefined || invoice.status === params.status) &&
        (params.subscription === undefined || subscription === params.subscription)
      )
    })
    return pageOf('/v1/invoices', found, params)
  },
})
