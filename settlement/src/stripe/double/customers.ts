import type Stripe from 'stripe'
import { z } from 'zod'
import { invalidRequest, resourceMissing } from './fault.ts'
import { type Context, operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import {
  created,
  emptyable,
  expand,
  id,
  metadata,
  metadataUpdate,
  page,
  text,
  updatedMetadata,
} from './params.ts'

const line = text.optional()
const address = z.strictObject({
  city: line,
  country: z.string().length(2).optional(),
  line1: line,
  line2: line,
  postal_code: line,
  state: line,
})
const taxExempt = z.enum(['exempt', 'none', 'reverse'])
const details = {
  address: emptyable(address).optional(),
  description: text.optional(),
  email: z.email().optional(),
  name: text.optional(),
  tax_exempt: emptyable(taxExempt).optional(),
  invoice_settings: z.strictObject({ default_payment_method: id.optional() }).optional(),
}

export const createCustomer = operation({
  name: 'Customers.create',
  method: 'POST',
  path: '/v1/customers',
  params: z.strictObject({ ...details, expand, metadata }),
  run(params, context): Stripe.Customer {
    if (params.invoice_settings?.default_payment_method !== undefined) {
      throw invalidRequest('The customer does not have a payment method yet.')
    }
    const customer: Stripe.Customer = {
      id: context.newId('cus'),
      object: 'customer',
      address: null,
      balance: 0,
      created: context.nowS,
      default_source: null,
      delinquent: false,
      description: null,
      email: null,
      invoice_settings: {
        custom_fields: null,
        default_payment_method: null,
        footer: null,
        rendering_options: null,
      },
      livemode: false,
      metadata: params.metadata,
      name: null,
      shipping: null,
      tax_exempt: 'none',
    }
    apply(context, customer, params)
    context.state.customers.set(customer.id, customer)
    context.emit('customer.created', customer)
    return customer
  },
})

export const updateCustomer = operation({
  name: 'Customers.update',
  method: 'POST',
  path: '/v1/customers/:id',
  params: z.strictObject({ ...details, expand, metadata: metadataUpdate }),
  run(params, context): Stripe.Customer {
    const customer = findCustomer(context, context.ids[0] ?? '')
    apply(context, customer, params)
    customer.metadata = updatedMetadata(customer.metadata, params.metadata)
    context.emit('customer.updated', customer)
    return customer
  },
})

export const retrieveCustomer = operation({
  name: 'Customers.retrieve',
  method: 'GET',
  path: '/v1/customers/:id',
  params: z.strictObject({ expand }),
  run(_params, context): Stripe.Customer | Stripe.DeletedCustomer {
    const [customerId = ''] = context.ids
    if (context.state.deletedCustomers.has(customerId)) return deletedCustomer(customerId)
    return findCustomer(context, customerId)
  },
})

export const listCustomers = operation({
  name: 'Customers.list',
  method: 'GET',
  path: '/v1/customers',
  params: z.strictObject({ ...page, created: created.optional(), email: text.optional() }),
  run(params, { state }) {
    const found = [...state.customers.values()].filter(
      (customer) =>
        createdWithin(customer.created, params.created) &&
        (params.email === undefined || customer.email === params.email),
    )
    return pageOf('/v1/customers', found, params)
  },
})

/** What Stripe holds about a person is gone; what was paid stays. */
export const deleteCustomer = operation({
  name: 'Customers.del',
  method: 'DELETE',
  path: '/v1/customers/:id',
  params: z.strictObject({}),
  run(_params, context): Stripe.DeletedCustomer {
    const { state } = context
    const customer = findCustomer(context, context.ids[0] ?? '')
    for (const [taxId, { customer: owner }] of state.taxIds) {
      if (owner === customer.id) state.taxIds.delete(taxId)
    }
    for (const { object } of state.paymentMethods.values()) {
      if (object.customer === customer.id) object.customer = null
    }
    state.customers.delete(customer.id)
    state.deletedCustomers.set(customer.id, true)
    context.emit('customer.deleted', customer)
    return deletedCustomer(customer.id)
  },
})

type Details = { readonly [K in keyof typeof details]?: z.infer<(typeof details)[K]> }

function apply({ state }: Context, customer: Stripe.Customer, params: Details): void {
  const method = params.invoice_settings?.default_payment_method
  if (method !== undefined) {
    const attached = state.paymentMethods.get(method)?.object.customer
    if (attached !== customer.id) {
      throw invalidRequest(
        `The customer does not have a payment method with the ID ${method}.`,
        'resource_missing',
        'invoice_settings[default_payment_method]',
      )
    }
    customer.invoice_settings.default_payment_method = method
  }
  if (params.address !== undefined) customer.address = params.address && addressOf(params.address)
  if (params.description !== undefined) customer.description = params.description
  if (params.email !== undefined) customer.email = params.email
  if (params.name !== undefined) customer.name = params.name
  if (params.tax_exempt !== undefined) customer.tax_exempt = params.tax_exempt ?? 'none'
}

function addressOf(given: z.infer<typeof address>): Stripe.Address {
  return {
    city: given.city ?? null,
    country: given.country ?? null,
    line1: given.line1 ?? null,
    line2: given.line2 ?? null,
    postal_code: given.postal_code ?? null,
    state: given.state ?? null,
  }
}

function deletedCustomer(customerId: string): Stripe.DeletedCustomer {
  return { id: customerId, object: 'customer', deleted: true }
}

export function findCustomer(
  { state }: Context,
  customerId: string,
  param?: string,
): Stripe.Customer {
  const customer = state.customers.get(customerId)
  if (customer !== undefined) return customer
  if (param === undefined) throw resourceMissing('customer', customerId)
  throw invalidRequest(`No such customer: '${customerId}'`, 'resource_missing', param)
}

/** @throws {StripeFault} when a customer is named that there is not. */
export function requireCustomer(context: Context, customerId: string | undefined): void {
  if (customerId !== undefined) findCustomer(context, customerId, 'customer')
}
