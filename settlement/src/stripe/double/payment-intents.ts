import type Stripe from 'stripe'
import { z } from 'zod'
import { chargeObject } from './charge-object.ts'
import { invalidRequest, resourceMissing, StripeFault } from './fault.ts'
import { move } from './money.ts'
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
import { platform } from './state.ts'
import { cardFee, cardPendingS, type TestCard, testCards } from './test-cards.ts'

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
    transfer_group: id.optional(),
  }),
  run(params, context): Stripe.PaymentIntent {
    const card = cardOf(params.payment_method)
    if (params.confirm && card === undefined) {
      throw invalidRequest(
        'A payment_method is needed to confirm.',
        'parameter_missing',
        'payment_method',
      )
    }
    if (params.off_session && !params.confirm) {
      throw invalidRequest('off_session is only for confirm=true.', undefined, 'off_session')
    }
    if (params.customer !== undefined && !context.state.customers.has(params.customer)) {
      throw invalidRequest(`No such customer: '${params.customer}'`, 'resource_missing', 'customer')
    }
    const intent = paymentIntentObject(context, params)
    context.state.paymentIntents.set(intent.id, intent)
    context.emit('payment_intent.created', intent)
    if (params.confirm && card !== undefined) confirm(context, intent, card)
    return intent
  },
})

export const retrievePaymentIntent = operation({
  name: 'PaymentIntents.retrieve',
  method: 'GET',
  path: '/v1/payment_intents/:id',
  params: z.strictObject({ expand, client_secret: text.optional() }),
  run(_params, { state, ids: [intentId = ''] }): Stripe.PaymentIntent {
    const intent = state.paymentIntents.get(intentId)
    if (intent === undefined) throw resourceMissing('payment_intent', intentId, 'intent')
    return intent
  },
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

export const retrieveCharge = operation({
  name: 'Charges.retrieve',
  method: 'GET',
  path: '/v1/charges/:id',
  params: z.strictObject({ expand }),
  run(_params, { state, account, ids: [chargeId = ''] }): Stripe.Charge {
    const charge = state.charges.get(chargeId)
    if (charge?.account !== account) throw resourceMissing('charge', chargeId)
    return charge.object
  },
})

function cardOf(paymentMethod: string | undefined): TestCard | undefined {
  if (paymentMethod === undefined) return undefined
  const card = testCards.get(paymentMethod)
  if (card !== undefined) return card
  throw invalidRequest(
    `No such PaymentMethod: '${paymentMethod}'`,
    'resource_missing',
    'payment_method',
  )
}

function confirm(context: Context, intent: Stripe.PaymentIntent, card: TestCard): void {
  if (card.outcome === 'succeeds') succeed(context, intent, card.available === 'at once')
  else decline(context, intent, card)
}

function succeed(context: Context, intent: Stripe.PaymentIntent, atOnce: boolean): void {
  const { nowS, state } = context
  const chargeId = context.newId('ch')
  const transaction = move(state, {
    id: context.newId('txn'),
    account: platform,
    amount: intent.amount,
    fee: cardFee(intent.amount),
    type: 'charge',
    reportingCategory: 'charge',
    source: chargeId,
    description: intent.description,
    nowS,
    availableOnS: atOnce ? nowS : nowS + cardPendingS,
  })
  const charge = chargeFor(context, intent, chargeId, 'succeeded')
  charge.balance_transaction = transaction.id
  intent.amount_received = intent.amount
  intent.latest_charge = chargeId
  intent.status = 'succeeded'
  context.emit('charge.succeeded', charge)
  context.emit('payment_intent.succeeded', intent)
}

function decline(
  context: Context,
  intent: Stripe.PaymentIntent,
  card: Extract<TestCard, { outcome: 'declines' }>,
): never {
  const message = 'Your card was declined.'
  const charge = chargeFor(context, intent, context.newId('ch'), 'failed')
  charge.failure_code = card.code
  charge.failure_message = message
  intent.latest_charge = charge.id
  intent.status = 'requires_payment_method'
  intent.payment_method = null
  intent.last_payment_error = {
    type: 'card_error',
    code: card.code,
    message,
    charge: charge.id,
    ...(card.declineCode !== undefined && { decline_code: card.declineCode }),
  }
  context.emit('charge.failed', charge)
  context.emit('payment_intent.payment_failed', intent)
  throw new StripeFault(402, 'card_error', message, {
    code: card.code,
    ...(card.declineCode !== undefined && { declineCode: card.declineCode }),
    charge: charge.id,
    paymentIntent: structuredClone(intent),
  })
}

function chargeFor(
  { state, nowS }: Context,
  intent: Stripe.PaymentIntent,
  chargeId: string,
  status: 'succeeded' | 'failed',
): Stripe.Charge {
  const charge = chargeObject({
    id: chargeId,
    amount: intent.amount,
    created: nowS,
    customer: intent.customer,
    description: intent.description,
    metadata: intent.metadata,
    payment_intent: intent.id,
    payment_method: typeof intent.payment_method === 'string' ? intent.payment_method : null,
    status,
    transfer_group: intent.transfer_group,
  })
  state.charges.set(chargeId, { account: platform, object: charge })
  return charge
}

interface IntentParams {
  readonly amount: number
  readonly automatic_payment_methods?: unknown
  readonly customer?: string | undefined
  readonly description?: string | undefined
  readonly metadata: Record<string, string>
  readonly payment_method?: string | undefined
  readonly transfer_group?: string | undefined
}

function paymentIntentObject(context: Context, params: IntentParams): Stripe.PaymentIntent {
  const intentId = context.newId('pi')
  return {
    id: intentId,
    object: 'payment_intent',
    allowed_payment_method_types: null,
    amount: params.amount,
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
    customer: params.customer ?? null,
    customer_account: null,
    description: params.description ?? null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: params.metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: params.payment_method === undefined ? null : context.newId('pm'),
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: ['card'],
    payment_record: null,
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status:
      params.payment_method === undefined ? 'requires_payment_method' : 'requires_confirmation',
    transfer_data: null,
    transfer_group: params.transfer_group ?? null,
  }
}
