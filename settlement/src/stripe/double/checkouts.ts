import type Stripe from 'stripe'
import { z } from 'zod'
import { centsOf, sellablePrice } from './catalog.ts'
import { charge, declineOf } from './charging.ts'
import { requireCustomer } from './customers.ts'
import { invalidRequest, resourceMissing } from './fault.ts'
import { type Context, operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import {
  created,
  currency,
  expand,
  id,
  integer,
  metadata,
  page,
  text,
  unitCents,
} from './params.ts'
import { newPaymentIntent } from './payment-intents.ts'
import { attach, methodFor } from './payment-methods.ts'
import { completeSetup, newSetupIntent } from './setup-intents.ts'
import type { CheckoutRecord, PaymentMethodRecord } from './state.ts'
import { storedId } from './stored-id.ts'
import { monthsOf } from './subscription-object.ts'
import { subscribe } from './subscriptions.ts'
import { addedTax, findTaxRates, taxesOf } from './tax.ts'

type Session = Stripe.Checkout.Session

// docs.stripe.com/api/checkout/sessions/create: expires_at is between 30 minutes and 24 hours from now.
const ttlS = { min: 30 * 60, max: 24 * 3_600 }

const webUrl = z.string().max(5_000)
const lineItem = z.strictObject({
  price: id.optional(),
  price_data: z
    .strictObject({
      currency,
      unit_amount: unitCents,
      product_data: z.strictObject({ name: text, description: text.optional() }),
    })
    .optional(),
  quantity: integer.pipe(z.int().min(1)).default(1),
  tax_rates: z.array(id).max(5).default([]),
})
type LineItem = z.infer<typeof lineItem>

export const createCheckout = operation({
  name: 'Checkout.Sessions.create',
  method: 'POST',
  path: '/v1/checkout/sessions',
  params: z.strictObject({
    mode: z.enum(['payment', 'setup', 'subscription']),
    success_url: webUrl,
    cancel_url: webUrl.optional(),
    client_reference_id: text.optional(),
    currency: currency.optional(),
    customer: id.optional(),
    expires_at: integer.optional(),
    line_items: z.array(lineItem).max(100).default([]),
    payment_intent_data: z
      .strictObject({
        description: text.optional(),
        metadata,
        setup_future_usage: z.enum(['off_session', 'on_session']).optional(),
      })
      .optional(),
    setup_intent_data: z.strictObject({ metadata }).optional(),
    subscription_data: z
      .strictObject({
        description: text.optional(),
        metadata,
        default_tax_rates: z.array(id).default([]),
      })
      .optional(),
    expand,
    metadata,
  }),
  run(params, context): Session {
    requireCustomer(context, params.customer)
    const expiresAt = params.expires_at ?? context.nowS + ttlS.max
    const leftS = expiresAt - context.nowS
    if (leftS < ttlS.min || leftS > ttlS.max) {
      throw invalidRequest(
        'The expires_at must be between 30 minutes and 24 hours from now.',
        undefined,
        'expires_at',
      )
    }
    if ((params.line_items.length === 0) !== (params.mode === 'setup')) {
      throw invalidRequest('line_items do not fit the mode.', undefined, 'line_items')
    }
    const exempt = context.state.customers.get(params.customer ?? '')?.tax_exempt
    const lines = params.line_items.map((item) => lineOf(context, item, exempt))
    const object = sessionObject(context, { ...params, expiresAt, lines })
    const data = params.payment_intent_data ?? params.setup_intent_data ?? params.subscription_data
    const taxRates = params.subscription_data?.default_tax_rates ?? []
    context.state.checkouts.set(object.id, {
      object,
      lines,
      metadata: data?.metadata ?? {},
      description: params.payment_intent_data?.description ?? null,
      savesMethod: params.payment_intent_data?.setup_future_usage === 'off_session',
      subscribes: subscribes(context, params),
      taxRates: [...taxRates, ...params.line_items.flatMap((item) => item.tax_rates)],
    })
    context.later('checkout-expires', object.id, expiresAt * 1_000)
    return object
  },
})

export const retrieveCheckout = operation({
  name: 'Checkout.Sessions.retrieve',
  method: 'GET',
  path: '/v1/checkout/sessions/:id',
  params: z.strictObject({ expand }),
  run: (_params, context) => findCheckout(context, context.ids[0] ?? '').object,
})

export const listCheckouts = operation({
  name: 'Checkout.Sessions.list',
  method: 'GET',
  path: '/v1/checkout/sessions',
  params: z.strictObject({
    ...page,
    created: created.optional(),
    customer: id.optional(),
    payment_intent: id.optional(),
    subscription: id.optional(),
  }),
  run(params, { state }) {
    const found = [...state.checkouts.values()]
      .map(({ object }) => object)
      .filter(
        (session) =>
          createdWithin(session.created, params.created) &&
          (params.customer === undefined || session.customer === params.customer) &&
          (params.payment_intent === undefined ||
            session.payment_intent === params.payment_intent) &&
          (params.subscription === undefined || session.subscription === params.subscription),
      )
    return pageOf('/v1/checkout/sessions', found, params)
  },
})

export const listCheckoutLines = operation({
  name: 'Checkout.Sessions.listLineItems',
  method: 'GET',
  path: '/v1/checkout/sessions/:id/line_items',
  params: z.strictObject(page),
  run(params, context) {
    const { object, lines } = findCheckout(context, context.ids[0] ?? '')
    return pageOf(`/v1/checkout/sessions/${object.id}/line_items`, lines.toReversed(), params)
  },
})

export const expireCheckoutSession = operation({
  name: 'Checkout.Sessions.expire',
  method: 'POST',
  path: '/v1/checkout/sessions/:id/expire',
  params: z.strictObject({ expand }),
  run(_params, context): Session {
    const record = findCheckout(context, context.ids[0] ?? '')
    if (record.object.status !== 'open') {
      throw invalidRequest(
        `Only Checkout Sessions with a status in ["open"] can be expired. This Session has a status of ${record.object.status}.`,
      )
    }
    expireCheckout(context, record)
    return record.object
  },
})

export function findCheckout({ state }: Context, checkoutId: string): CheckoutRecord {
  const record = state.checkouts.get(checkoutId)
  if (record === undefined) throw resourceMissing('checkout.session', checkoutId, 'session')
  return record
}

/** Closes an open page. */
export function expireCheckout(context: Context, { object }: CheckoutRecord): void {
  if (object.status !== 'open') return
  object.status = 'expired'
  object.url = null
  context.emit('checkout.session.expired', object)
}

export type Completed =
  | { readonly outcome: 'complete'; readonly location: string }
  | { readonly outcome: 'declined'; readonly message: string }
  | { readonly outcome: 'over' }

/** What the hosted page does when the customer has chosen how to pay. */
export function completeCheckout(
  context: Context,
  record: CheckoutRecord,
  paymentMethod: string,
): Completed {
  const { object } = record
  if (object.status !== 'open') return { outcome: 'over' }
  const method = methodFor(context, paymentMethod)
  // The customer is there, and answers what the bank asks.
  const decline = declineOf(method, false)
  if (object.mode === 'payment') {
    const paid = pay(context, record, method)
    if (!paid && decline !== undefined) return { outcome: 'declined', message: decline.message }
  } else if (decline !== undefined) return { outcome: 'declined', message: decline.message }
  else if (object.mode === 'setup') setUp(context, record, method)
  else begin(context, record, method)
  object.status = 'complete'
  object.url = null
  context.emit('checkout.session.completed', object)
  const location = (object.success_url ?? '').replaceAll('{CHECKOUT_SESSION_ID}', object.id)
  return { outcome: 'complete', location }
}

/** A session keeps one intent, however often its customer tries. */
function pay(context: Context, record: CheckoutRecord, method: PaymentMethodRecord): boolean {
  const { object } = record
  const customer = typeof object.customer === 'string' ? object.customer : null
  const intent =
    context.state.paymentIntents.get(storedId(object.payment_intent)) ??
    newPaymentIntent(context, {
      amount: object.amount_total ?? 0,
      customer,
      description: record.description,
      metadata: record.metadata,
      savesMethod: record.savesMethod,
    })
  object.payment_intent = intent.id
  if (charge(context, intent, method, false) !== undefined) return false
  if (record.savesMethod && customer !== null) attach(context, method, customer)
  object.payment_status = intent.status === 'succeeded' ? 'paid' : 'unpaid'
  return true
}

function begin(context: Context, record: CheckoutRecord, method: PaymentMethodRecord): void {
  const { object, metadata } = record
  const customer = storedId(object.customer)
  attach(context, method, customer)
  const { subscription, invoice, collected } = subscribe(
    context,
    {
      customer,
      items: record.subscribes.map(({ price, quantity }) => ({
        price: sellablePrice(context, price, 'line_items'),
        quantity,
      })),
      defaultPaymentMethod: method.object.id,
      taxRates: findTaxRates(context, record.taxRates),
      metadata,
      description: null,
    },
    false,
  )
  object.subscription = subscription.id
  object.invoice = invoice.id
  object.payment_status = collected.outcome === 'paid' ? 'paid' : 'unpaid'
}

function setUp(context: Context, record: CheckoutRecord, method: PaymentMethodRecord): void {
  const { object, metadata } = record
  const customer = typeof object.customer === 'string' ? object.customer : null
  const intent = newSetupIntent(context, { customer, metadata, usage: 'off_session' })
  completeSetup(context, intent, method)
  object.setup_intent = intent.id
}

function lineOf(
  context: Context,
  item: LineItem,
  exempt: Stripe.Customer['tax_exempt'],
): Stripe.LineItem {
  const price = item.price === undefined ? null : sellablePrice(context, item.price, 'line_items')
  const unit = price === null ? item.price_data?.unit_amount : centsOf(price)
  if (unit === undefined) {
    throw invalidRequest('A line item needs a price.', 'parameter_missing', 'line_items')
  }
  const subtotal = unit * item.quantity
  const taxes = taxesOf(subtotal, findTaxRates(context, item.tax_rates), exempt)
  const product = context.state.products.get(storedId(price?.product))
  return {
    id: context.newId('li'),
    object: 'item',
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: subtotal,
    amount_tax: taxes.reduce((sum, { tax }) => sum + tax, 0),
    amount_total: subtotal + addedTax(taxes),
    currency: 'eur',
    description: item.price_data?.product_data.name ?? product?.name ?? null,
    metadata: {},
    price,
    quantity: item.quantity,
  }
}

/** @throws {StripeFault} when something in a subscription is not recurring, or has no customer. */
function subscribes(
  context: Context,
  params: {
    readonly mode: string
    readonly customer?: string | undefined
    readonly line_items: readonly LineItem[]
  },
): { price: string; quantity: number }[] {
  if (params.mode !== 'subscription') return []
  if (params.customer === undefined) {
    throw invalidRequest('The double needs a customer to subscribe.', undefined, 'customer')
  }
  return params.line_items.map(({ price = '', quantity }) => {
    monthsOf(sellablePrice(context, price, 'line_items'))
    return { price, quantity }
  })
}

interface SessionParams {
  readonly mode: 'payment' | 'setup' | 'subscription'
  readonly success_url: string
  readonly cancel_url?: string | undefined
  readonly client_reference_id?: string | undefined
  readonly customer?: string | undefined
  readonly metadata: Record<string, string>
  readonly expiresAt: number
  readonly lines: readonly Stripe.LineItem[]
}

function sessionObject(context: Context, params: SessionParams): Session {
  const { mode, lines } = params
  const sum = (of: (line: Stripe.LineItem) => number): number =>
    lines.reduce((total, line) => total + of(line), 0)
  const sessionId = context.newId('cs_test')
  const isSetup = mode === 'setup'
  return {
    id: sessionId,
    object: 'checkout.session',
    adaptive_pricing: null,
    after_expiration: null,
    allow_promotion_codes: null,
    allowed_payment_method_types: null,
    amount_subtotal: isSetup ? null : sum((line) => line.amount_subtotal),
    amount_total: isSetup ? null : sum((line) => line.amount_total),
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: null,
    cancel_url: params.cancel_url ?? null,
    client_reference_id: params.client_reference_id ?? null,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created: context.nowS,
    currency: isSetup ? null : 'eur',
    currency_conversion: null,
    custom_fields: [],
    custom_text: {
      after_submit: null,
      shipping_address: null,
      submit: null,
      terms_of_service_acceptance: null,
    },
    customer: params.customer ?? null,
    customer_account: null,
    customer_creation: null,
    customer_details: null,
    customer_email: null,
    discounts: null,
    expires_at: params.expiresAt,
    integration_identifier: null,
    invoice: null,
    invoice_creation: null,
    livemode: false,
    locale: null,
    managed_payments: null,
    metadata: params.metadata,
    mode,
    origin_context: null,
    payment_intent: null,
    payment_link: null,
    payment_method_collection: null,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: ['card', 'sepa_debit'],
    payment_status: isSetup ? 'no_payment_required' : 'unpaid',
    permissions: null,
    recovered_from: null,
    saved_payment_method_options: null,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: 'open',
    submit_type: null,
    subscription: null,
    success_url: params.success_url,
    total_details: isSetup
      ? null
      : { amount_discount: 0, amount_shipping: 0, amount_tax: sum((line) => line.amount_tax) },
    ui_mode: 'hosted_page',
    url: `${context.baseUrl}/checkout/${sessionId}`,
    wallet_options: null,
  }
}
