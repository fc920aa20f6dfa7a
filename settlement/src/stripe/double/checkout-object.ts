import type Stripe from 'stripe'
import { z } from 'zod'
import { centsOf, sellablePrice } from './catalog.ts'
import { invalidRequest } from './fault.ts'
import type { Context } from './operation.ts'
import { currency, id, integer, text, unitCents } from './params.ts'
import { storedId } from './stored-id.ts'
import { monthsOf } from './subscription-object.ts'
import { addedTax, findTaxRates, taxesOf } from './tax.ts'

type Session = Stripe.Checkout.Session

export const lineItem = z.strictObject({
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

export function lineOf(
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
export function subscribes(
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

export function sessionObject(context: Context, params: SessionParams): Session {
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
