import type Stripe from 'stripe'
import { z } from 'zod'
import { requireCustomer } from './customers.ts'
import { invalidRequest, resourceMissing, StripeFault } from './fault.ts'
import { type Context, operation } from './operation.ts'
import { boolean, expand, id, metadata, text } from './params.ts'
import { attach, methodFor, testMethodOf } from './payment-methods.ts'
import type { PaymentMethodRecord } from './state.ts'

export const createSetupIntent = operation({
  name: 'SetupIntents.create',
  method: 'POST',
  path: '/v1/setup_intents',
  params: z.strictObject({
    automatic_payment_methods: z
      .strictObject({ enabled: boolean, allow_redirects: z.enum(['always', 'never']).optional() })
      .optional(),
    confirm: boolean.default(false),
    customer: id.optional(),
    expand,
    metadata,
    payment_method: id.optional(),
    usage: z.enum(['off_session', 'on_session']).default('off_session'),
  }),
  run(params, context): Stripe.SetupIntent {
    requireCustomer(context, params.customer)
    const given = params.payment_method
    if (params.confirm && given === undefined) {
      throw invalidRequest(
        'A payment_method is needed to confirm.',
        'parameter_missing',
        'payment_method',
      )
    }
    const record = given === undefined ? undefined : methodFor(context, given)
    const { customer = null, metadata, usage } = params
    const intent = newSetupIntent(context, { customer, metadata, usage })
    if (!params.confirm || record === undefined) return intent
    intent.payment_method = record.object.id
    const test = testMethodOf(record)
    if (test.outcome === 'declines' && test.saves !== true) throw refused(context, intent, test)
    if (test.outcome === 'asks the customer') {
      intent.status = 'requires_action'
      intent.next_action = { type: 'use_stripe_sdk', use_stripe_sdk: {} }
      context.emit('setup_intent.requires_action', intent)
      return intent
    }
    completeSetup(context, intent, record)
    return intent
  },
})

export const retrieveSetupIntent = operation({
  name: 'SetupIntents.retrieve',
  method: 'GET',
  path: '/v1/setup_intents/:id',
  params: z.strictObject({ expand, client_secret: text.optional() }),
  run(_params, { state, ids: [intentId = ''] }): Stripe.SetupIntent {
    const intent = state.setupIntents.get(intentId)
    if (intent === undefined) throw resourceMissing('setupintent', intentId, 'intent')
    return intent
  },
})

export function completeSetup(
  context: Context,
  intent: Stripe.SetupIntent,
  record: PaymentMethodRecord,
): void {
  intent.payment_method = record.object.id
  intent.status = 'succeeded'
  if (typeof intent.customer === 'string') attach(context, record, intent.customer)
  context.emit('setup_intent.succeeded', intent)
}

function refused(
  context: Context,
  intent: Stripe.SetupIntent,
  { code, declineCode }: { readonly code: string; readonly declineCode?: string },
): StripeFault {
  const message = 'Your card was declined.'
  intent.status = 'requires_payment_method'
  intent.payment_method = null
  intent.last_setup_error = { type: 'card_error', code, message }
  context.emit('setup_intent.setup_failed', intent)
  return new StripeFault(402, 'card_error', message, {
    code,
    ...(declineCode !== undefined && { declineCode }),
    setupIntent: structuredClone(intent),
  })
}

export function newSetupIntent(
  context: Context,
  given: {
    readonly customer: string | null
    readonly metadata: Record<string, string>
    readonly usage: string
  },
): Stripe.SetupIntent {
  const intentId = context.newId('seti')
  const intent: Stripe.SetupIntent = {
    id: intentId,
    object: 'setup_intent',
    allowed_payment_method_types: null,
    application: null,
    automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
    cancellation_reason: null,
    client_secret: `${intentId}_secret_${context.newId('x')}`,
    created: context.nowS,
    customer: given.customer,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    last_setup_error: null,
    latest_attempt: null,
    livemode: false,
    mandate: null,
    metadata: given.metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: null,
    payment_method_types: ['card', 'sepa_debit'],
    single_use_mandate: null,
    status: 'requires_payment_method',
    usage: given.usage,
  }
  context.state.setupIntents.set(intentId, intent)
  context.emit('setup_intent.created', intent)
  return intent
}
