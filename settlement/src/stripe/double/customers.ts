import type Stripe from 'stripe'
import { z } from 'zod'
import { resourceMissing } from './fault.ts'
import { operation } from './operation.ts'
import { expand, metadata, text } from './params.ts'

export const createCustomer = operation({
  name: 'Customers.create',
  method: 'POST',
  path: '/v1/customers',
  params: z.strictObject({
    description: text.optional(),
    email: z.email().optional(),
    name: text.optional(),
    expand,
    metadata,
  }),
  run(params, context): Stripe.Customer {
    const customer: Stripe.Customer = {
      id: context.newId('cus'),
      object: 'customer',
      balance: 0,
      created: context.nowS,
      default_source: null,
      description: params.description ?? null,
      email: params.email ?? null,
      invoice_settings: {
        custom_fields: null,
        default_payment_method: null,
        footer: null,
        rendering_options: null,
      },
      livemode: false,
      metadata: params.metadata,
      name: params.name ?? null,
      shipping: null,
      tax_exempt: 'none',
    }
    context.state.customers.set(customer.id, customer)
    context.emit('customer.created', customer)
    return customer
  },
})

export const retrieveCustomer = operation({
  name: 'Customers.retrieve',
  method: 'GET',
  path: '/v1/customers/:id',
  params: z.strictObject({ expand }),
  run(_params, { state, ids: [customerId = ''] }): Stripe.Customer {
    const customer = state.customers.get(customerId)
    if (customer === undefined) throw resourceMissing('customer', customerId)
    return customer
  },
})
