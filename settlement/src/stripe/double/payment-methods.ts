import type Stripe from 'stripe'
import { z } from 'zod'
import { findCustomer } from './customers.ts'
import { invalidRequest, resourceMissing } from './fault.ts'
import { type Context, operation } from './operation.ts'
import { pageOf } from './pages.ts'
import { expand, id, page } from './params.ts'
import type { PaymentMethodRecord } from './state.ts'
import { storedId } from './stored-id.ts'
import { type TestMethod, testMethods } from './test-methods.ts'

export const attachPaymentMethod = operation({
  name: 'PaymentMethods.attach',
  method: 'POST',
  path: '/v1/payment_methods/:id/attach',
  params: z.strictObject({ customer: id, expand }),
  run({ customer }, context): Stripe.PaymentMethod {
    findCustomer(context, customer, 'customer')
    const record = methodFor(context, context.ids[0] ?? '')
    attach(context, record, customer)
    return record.object
  },
})

export const detachPaymentMethod = operation({
  name: 'PaymentMethods.detach',
  method: 'POST',
  path: '/v1/payment_methods/:id/detach',
  params: z.strictObject({ expand }),
  run(_params, context): Stripe.PaymentMethod {
    const { object } = findMethod(context)
    const customer = context.state.customers.get(storedId(object.customer))
    if (customer === undefined) {
      throw invalidRequest('The payment method is not attached to a customer.')
    }
    object.customer = null
    const { invoice_settings: settings } = customer
    if (settings.default_payment_method === object.id) settings.default_payment_method = null
    context.emit('payment_method.detached', object)
    return object
  },
})

export const retrievePaymentMethod = operation({
  name: 'PaymentMethods.retrieve',
  method: 'GET',
  path: '/v1/payment_methods/:id',
  params: z.strictObject({ expand }),
  run: (_params, context) => findMethod(context).object,
})

export const listCustomerPaymentMethods = operation({
  name: 'Customers.listPaymentMethods',
  method: 'GET',
  path: '/v1/customers/:id/payment_methods',
  params: z.strictObject({ ...page, type: id.optional() }),
  run(params, context) {
    const { id: customer } = findCustomer(context, context.ids[0] ?? '')
    const found = [...context.state.paymentMethods.values()]
      .map(({ object }) => object)
      .filter(
        (method) =>
          method.customer === customer &&
          (params.type === undefined || method.type === params.type),
      )
    return pageOf(`/v1/customers/${customer}/payment_methods`, found, params)
  },
})

/** A saved payment method, or a new one made from a test token. */
export function methodFor(
  context: Context,
  given: string,
  param = 'payment_method',
): PaymentMethodRecord {
  const test = testMethods.get(given)
  const record = test === undefined ? context.state.paymentMethods.get(given) : undefined
  if (record !== undefined) return record
  if (test === undefined) {
    throw invalidRequest(`No such PaymentMethod: '${given}'`, 'resource_missing', param)
  }
  const made = { object: methodObject(context, test), token: given }
  context.state.paymentMethods.set(made.object.id, made)
  return made
}

/** @throws {StripeFault} when the method is another customer's, or a customer's and none was named. */
export function requireUsable({ object }: PaymentMethodRecord, customer: string | null): void {
  if (object.customer === null || object.customer === customer) return
  throw invalidRequest(
    'The provided PaymentMethod was previously attached to a Customer and can only be used with it.',
    undefined,
    'payment_method',
  )
}

export function testMethodOf({ token }: PaymentMethodRecord): TestMethod {
  const test = testMethods.get(token)
  if (test === undefined) throw new Error(`no test token ${token}`)
  return test
}

export function attach(context: Context, record: PaymentMethodRecord, customer: string): void {
  requireUsable(record, customer)
  if (record.object.customer === customer) return
  record.object.customer = customer
  context.emit('payment_method.attached', record.object)
}

function findMethod({ state, ids: [methodId = ''] }: Context): PaymentMethodRecord {
  const record = state.paymentMethods.get(methodId)
  if (record === undefined) throw resourceMissing('PaymentMethod', methodId, 'payment_method')
  return record
}

function methodObject(context: Context, test: TestMethod): Stripe.PaymentMethod {
  const isCard = test.brand !== 'sepa_debit'
  return {
    id: context.newId('pm'),
    object: 'payment_method',
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    created: context.nowS,
    customer: null,
    customer_account: null,
    livemode: false,
    metadata: {},
    type: isCard ? 'card' : 'sepa_debit',
    ...(isCard ? { card: cardOf(test) } : { sepa_debit: bankOf(test) }),
  }
}

function cardOf({ brand, last4 }: TestMethod): Stripe.PaymentMethod.Card {
  return {
    brand,
    checks: null,
    country: 'DE',
    display_brand: brand,
    exp_month: 12,
    exp_year: 2034,
    funding: 'credit',
    generated_from: null,
    last4,
    networks: null,
    regulated_status: null,
    three_d_secure_usage: null,
    wallet: null,
  }
}

function bankOf({ last4 }: TestMethod): Stripe.PaymentMethod.SepaDebit {
  return {
    bank_code: '37040044',
    branch_code: null,
    country: 'DE',
    fingerprint: null,
    generated_from: null,
    last4,
  }
}
