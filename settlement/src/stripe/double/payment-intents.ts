import type Stripe from 'stripe'
import { z } from 'zod'
import { charge, declined } from './charging.ts'
import { requireCustomer } from './customers.ts'
import { invalidRequest, resourceMissing } from './fault.ts'
import { type Context, operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import {
  boolean,
  chargeCents,
  created,
  currency,
  expand,
  id,
  metadata,
  page,
  text,
} from './params.ts'
import { attach, methodFor, requireUsable, testMethodOf } from './payment-methods.ts'
import type { PaymentMethodRecord } from './state.ts'

export const createPaymentIntent = operation({
  name: 'PaymentIntents.create',
  method: 'POST',
  path: '/v1/payment_intents',
  params: z.strictObject({
    amount: chargeCents,
    currency,
    automatic_payment_methods: z
      .strictObject({ enabled: boolean, allow_redirects: z.enum(['always', 'never']).optional() })
      .optional(),
    confirm: boolean.default(false),
    customer: id.optional(),
    description: text.optional(),
    expand,
    metadata,
    off_session: boolean.default(false),
    payment_method: id.optional(),
    setup_future_usage: z.enum(['off_session', 'on_session']).optional(),
    transfer_group: id.optional(),
  }),
  run(params, context): Stripe.PaymentIntent {
    if (params.confirm && params.payment_method === undefined) throw methodMissing()
    if (params.off_session && !params.confirm) {
      throw invalidRequest('off_session is only for confirm=true.', undefined, 'off_session')
    }
    requireCustomer(context, params.customer)
    const record =
      params.payment_method === undefined ? undefined : methodFor(context, params.payment_method)
    if (record !== undefined) requireUsable(record, params.customer ?? null)
    const intent = newPaymentIntent(context, {
      amount: params.amount,
      customer: params.customer ?? null,
      description: params.description ?? null,
      metadata: params.metadata,
      transferGroup: params.transfer_group ?? null,
      savesMethod: params.setup_future_usage === 'off_session',
    })
    if (record !== undefined) {
      intent.payment_method = record.object.id
      intent.status = 'requires_confirmation'
    }
    if (params.confirm && record !== undefined) confirm(context, intent, record, params.off_session)
    return intent
  },
})

export const confirmPaymentIntent = operation({
  name: 'PaymentIntents.confirm',
  method: 'POST',
  path: '/v1/payment_intents/:id/confirm',
  params: z.strictObject({
    expand,
    off_session: boolean.default(false),
    payment_method: id.optional(),
  }),
  run(params, context): Stripe.PaymentIntent {
    const intent = findIntent(context)
    requireStatus(intent, ['requires_payment_method', 'requires_confirmation'])
    const given = params.payment_method ?? intent.payment_method
    if (typeof given !== 'string') throw methodMissing()
    const record = methodFor(context, given)
    requireUsable(record, typeof intent.customer === 'string' ? intent.customer : null)
    confirm(context, intent, record, params.off_session)
    return intent
  },
})

export const cancelPaymentIntent = operation({
  name: 'PaymentIntents.cancel',
  method: 'POST',
  path: '/v1/payment_intents/:id/cancel',
  params: z.strictObject({ expand }),
  run(_params, context): Stripe.PaymentIntent {
    const intent = findIntent(context)
    requireStatus(intent, ['requires_payment_method', 'requires_confirmation', 'requires_action'])
    intent.status = 'canceled'
    intent.canceled_at = context.nowS
    context.emit('payment_intent.canceled', intent)
    return intent
  },
})

export const retrievePaymentIntent = operation({
  name: 'PaymentIntents.retrieve',
  method: 'GET',
  path: '/v1/payment_intents/:id',
  params: z.strictObject({ expand, client_secret: text.optional() }),
  run: (_params, context) => findIntent(context),
})

export const listPaymentIntents = operation({
  name: 'PaymentIntents.list',
  method: 'GET',
  path: '/v1/payment_intents',
  params: z.strictObject({ ...page, created: created.optional(), customer: id.optional() }),
  run(params, { state }) {
    const found = [...state.paymentIntents.values()].filter(
      (intent) =>
        createdWithin(intent.created, params.created) &&
        (params.customer === undefined || intent.customer === params.customer),
    )
    return pageOf('/v1/payment_intents', found, params)
  },
})

function methodMissing(): Error {
  const message = 'A payment_method is needed to confirm.'
  return invalidRequest(message, 'parameter_missing', 'payment_method')
}

function requireStatus(intent: Stripe.PaymentIntent, statuses: readonly string[]): void {
  if (statuses.includes(intent.status)) return
  throw invalidRequest(
    `This PaymentIntent's status is ${intent.status}, so it cannot be changed in this way.`,
    'payment_intent_unexpected_state',
  )
}

function confirm(
  context: Context,
  intent: Stripe.PaymentIntent,
  record: PaymentMethodRecord,
  offSession: boolean,
): void {
  if (!offSession && testMethodOf(record).outcome === 'asks the customer') {
    intent.payment_method = record.object.id
    intent.status = 'requires_action'
    intent.next_action = { type: 'use_stripe_sdk', use_stripe_sdk: {} }
    context.emit('payment_intent.requires_action', intent)
    return
  }
  const decline = charge(context, intent, record, offSession)
  if (decline !== undefined) throw declined(intent, decline)
  if (intent.setup_future_usage !== null && typeof intent.customer === 'string') {
    attach(context, record, intent.customer)
  }
}

function findIntent({ state, ids: [intentId = ''] }: Context): Stripe.PaymentIntent {
  const intent = state.paymentIntents.get(intentId)
  if (intent === undefined) throw resourceMissing('payment_intent', intentId, 'intent')
  return intent
}

export interface NewPaymentIntent {
  readonly amount: number
  readonly customer: string | null
  readonly description: string | null
  readonly metadata: Record<string, string>
  readonly transferGroup?: string | null
  readonly savesMethod?: boolean
}

/** An intent that waits for a payment method. */
export function newPaymentIntent(context: Context, given: NewPaymentIntent): Stripe.PaymentIntent {
  const intentId = context.newId('pi')
  const intent: Stripe.PaymentIntent = {
    id: intentId,
    object: 'payment_intent',
    allowed_payment_method_types: null,
    amount: given.amount,
    amount_capturable: 0,
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic_async',
    client_secret: `${intentId}_secret_${context.newId('x')}`,
    confirmation_method: 'automatic',
    created: context.nowS,
    currency: 'eur',
    customer: given.customer,
    customer_account: null,
    description: given.description,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: given.metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: ['card', 'sepa_debit'],
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: given.savesMethod === true ? 'off_session' : null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'requires_payment_method',
    transfer_data: null,
    transfer_group: given.transferGroup ?? null,
  }
  context.state.paymentIntents.set(intent.id, intent)
  context.emit('payment_intent.created', intent)
  return intent
}
