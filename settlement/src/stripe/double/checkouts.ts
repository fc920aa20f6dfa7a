import type Stripe from 'stripe'
import { z } from 'zod'
import { lineItem, lineOf, sessionObject, subscribes } from './checkout-object.ts'
import { requireCustomer } from './customers.ts'
import { invalidRequest, resourceMissing } from './fault.ts'
import { type Context, operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import { created, currency, expand, id, integer, metadata, page, text } from './params.ts'
import type { CheckoutRecord } from './state.ts'

type Session = Stripe.Checkout.Session

// docs.stripe.com/api/checkout/sessions/create: expires_at is between 30 minutes and 24 hours from now.
const ttlS = { min: 30 * 60, max: 24 * 3_600 }

const webUrl = z.string().max(5_000)
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
