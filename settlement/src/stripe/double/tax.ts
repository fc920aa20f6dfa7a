import type Stripe from 'stripe'
import { z } from 'zod'
import { findCustomer } from './customers.ts'
import { invalidRequest, resourceMissing } from './fault.ts'
import { type Context, operation } from './operation.ts'
import { pageOf } from './pages.ts'
import { boolean, expand, metadata, page, text } from './params.ts'

// VIES answers in seconds, on a good day.
const taxIdCheckMs = 60_000

export const createTaxId = operation({
  name: 'Customers.createTaxId',
  method: 'POST',
  path: '/v1/customers/:id/tax_ids',
  params: z.strictObject({ type: z.literal('eu_vat'), value: z.string().max(30), expand }),
  run({ type, value }, context): Stripe.TaxId {
    const { id: customer } = findCustomer(context, context.ids[0] ?? '')
    const vatId = value.replaceAll(/[\s.-]/g, '').toUpperCase()
    if (!/^[A-Z]{2}[0-9A-Z+*]{2,12}$/.test(vatId)) {
      throw invalidRequest('Invalid value for eu_vat.', 'tax_id_invalid', 'value')
    }
    const taxId: Stripe.TaxId = {
      id: context.newId('txi'),
      object: 'tax_id',
      country: vatId.slice(0, 2),
      created: context.nowS,
      customer,
      customer_account: null,
      livemode: false,
      owner: { type: 'customer', customer, customer_account: null },
      type,
      value: vatId,
      verification: { status: 'pending', verified_address: null, verified_name: null },
    }
    context.state.taxIds.set(taxId.id, taxId)
    context.emit('customer.tax_id.created', taxId)
    context.later('tax-id-checked', taxId.id, context.nowMs + taxIdCheckMs)
    return taxId
  },
})

export const listTaxIds = operation({
  name: 'Customers.listTaxIds',
  method: 'GET',
  path: '/v1/customers/:id/tax_ids',
  params: z.strictObject(page),
  run(params, context) {
    const { id } = findCustomer(context, context.ids[0] ?? '')
    return pageOf(`/v1/customers/${id}/tax_ids`, taxIdsOf(context, id), params)
  },
})

export const deleteTaxId = operation({
  name: 'Customers.deleteTaxId',
  method: 'DELETE',
  path: '/v1/customers/:customer/tax_ids/:id',
  params: z.strictObject({}),
  run(_params, context): Stripe.DeletedTaxId {
    const [customer = '', taxIdId = ''] = context.ids
    const taxId = context.state.taxIds.get(taxIdId)
    if (taxId?.customer !== customer) throw resourceMissing('tax_id', taxIdId)
    context.state.taxIds.delete(taxIdId)
    context.emit('customer.tax_id.deleted', taxId)
    return { id: taxIdId, object: 'tax_id', deleted: true }
  },
})

export function taxIdsOf({ state }: Context, customer: string): Stripe.TaxId[] {
  return [...state.taxIds.values()].filter((taxId) => taxId.customer === customer)
}

/** The digits decide, as with Stripe's own test values: docs.stripe.com/billing/customer/tax-ids. */
export function checkTaxId(context: Context, taxIdId: string): void {
  const taxId = context.state.taxIds.get(taxIdId)
  if (taxId?.verification?.status !== 'pending' || taxId.value.endsWith('222222222')) return
  taxId.verification = taxId.value.endsWith('111111111')
    ? { status: 'unverified', verified_address: null, verified_name: null }
    : { status: 'verified', verified_address: 'Test address', verified_name: 'Test name' }
  context.emit('customer.tax_id.updated', taxId)
}

export const createTaxRate = operation({
  name: 'TaxRates.create',
  method: 'POST',
  path: '/v1/tax_rates',
  params: z.strictObject({
    display_name: z.string().min(1).max(50),
    percentage: z
      .union([
        z.number(),
        z
          .string()
          .regex(/^\d{1,3}(?:\.\d{1,4})?$/)
          .transform(Number),
      ])
      .pipe(z.number().min(0).max(100)),
    inclusive: boolean,
    country: z.string().length(2).optional(),
    description: text.optional(),
    tax_type: z.enum(['vat']).optional(),
    expand,
    metadata,
  }),
  run(params, context): Stripe.TaxRate {
    const rate: Stripe.TaxRate = {
      id: context.newId('txr'),
      object: 'tax_rate',
      active: true,
      country: params.country ?? null,
      created: context.nowS,
      description: params.description ?? null,
      display_name: params.display_name,
      effective_percentage: params.percentage,
      flat_amount: null,
      inclusive: params.inclusive,
      jurisdiction: null,
      jurisdiction_level: null,
      livemode: false,
      metadata: params.metadata,
      percentage: params.percentage,
      rate_type: 'percentage',
      state: null,
      tax_type: params.tax_type ?? null,
    }
    context.state.taxRates.set(rate.id, rate)
    context.emit('tax_rate.created', rate)
    return rate
  },
})

export interface Taxed {
  readonly rate: Stripe.TaxRate
  /** Added to the amount, or, when the rate is inclusive, contained in it. */
  readonly tax: number
  readonly taxable: number
}

export function findTaxRates({ state }: Context, ids: readonly string[]): Stripe.TaxRate[] {
  return ids.map((rateId) => {
    const rate = state.taxRates.get(rateId)
    if (rate !== undefined) return rate
    throw invalidRequest(`No such tax rate: '${rateId}'`, 'resource_missing', 'tax_rates')
  })
}

/** Rounded half away from zero, one rate after the other, each on the amount itself. */
export function taxesOf(
  amount: number,
  rates: readonly Stripe.TaxRate[],
  exempt: Stripe.Customer['tax_exempt'],
): Taxed[] {
  return rates.map((rate) => {
    const share = exempt === 'none' || exempt === undefined || exempt === null ? rate.percentage : 0
    const tax = rate.inclusive
      ? rounded((amount * share) / (100 + share))
      : rounded((amount * share) / 100)
    return { rate, tax, taxable: rate.inclusive ? amount - tax : amount }
  })
}

export function addedTax(taxes: readonly Taxed[]): number {
  return taxes.filter(({ rate }) => !rate.inclusive).reduce((sum, { tax }) => sum + tax, 0)
}

function rounded(cents: number): number {
  // Percentages have four places: what the multiplication adds is far below that.
  return Math.sign(cents) * Math.round(Math.abs(cents) + 1e-9)
}
