import type Stripe from 'stripe'
import { z } from 'zod'
import { sellablePrice } from './catalog.ts'
import { declined } from './charging.ts'
import { findCustomer } from './customers.ts'
import { invalidRequest, resourceMissing } from './fault.ts'
import { type Context, operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import {
  boolean,
  created,
  expand,
  id,
  integer,
  metadata,
  metadataUpdate,
  page,
  text,
  updatedMetadata,
} from './params.ts'
import { methodFor, requireUsable } from './payment-methods.ts'
import { storedId } from './stored-id.ts'
import { change, endSubscription, isOver, subscribe } from './subscriptions.ts'
import { findTaxRates } from './tax.ts'

const quantity = integer.pipe(z.int().min(1)).default(1)

export const createSubscription = operation({
  name: 'Subscriptions.create',
  method: 'POST',
  path: '/v1/subscriptions',
  params: z.strictObject({
    customer: id,
    items: z
      .array(z.strictObject({ price: id, quantity }))
      .min(1)
      .max(20),
    default_payment_method: id.optional(),
    default_tax_rates: z.array(id).max(5).default([]),
    description: text.optional(),
    off_session: boolean.optional(),
    payment_behavior: z
      .enum(['allow_incomplete', 'error_if_incomplete'])
      .default('allow_incomplete'),
    expand,
    metadata,
  }),
  run(params, context): Stripe.Subscription {
    findCustomer(context, params.customer, 'customer')
    const items = params.items.map((item, index) => ({
      price: sellablePrice(context, item.price, `items[${index}][price]`),
      quantity: item.quantity,
    }))
    const { subscription, collected } = subscribe(context, {
      customer: params.customer,
      items,
      defaultPaymentMethod: ownMethod(context, params.default_payment_method, params.customer),
      taxRates: findTaxRates(context, params.default_tax_rates),
      metadata: params.metadata,
      description: params.description ?? null,
    })
    if (params.payment_behavior === 'error_if_incomplete' && collected.outcome === 'declined') {
      throw declined(collected.intent, collected.decline)
    }
    return subscription
  },
})

export const updateSubscription = operation({
  name: 'Subscriptions.update',
  method: 'POST',
  path: '/v1/subscriptions/:id',
  params: z.strictObject({
    cancel_at_period_end: boolean.optional(),
    default_payment_method: id.optional(),
    items: z
      .array(z.strictObject({ id: id.optional(), price: id, quantity }))
      .max(20)
      .default([]),
    proration_behavior: z
      .enum(['always_invoice', 'create_prorations', 'none'])
      .default('create_prorations'),
    expand,
    metadata: metadataUpdate,
  }),
  run(params, context): Stripe.Subscription {
    const subscription = findSubscription(context)
    if (isOver(subscription)) {
      throw invalidRequest('A canceled subscription can only update its metadata.')
    }
    const customer = storedId(subscription.customer)
    if (params.default_payment_method !== undefined) {
      const method = ownMethod(context, params.default_payment_method, customer)
      subscription.default_payment_method = method
    }
    if (params.cancel_at_period_end !== undefined) {
      setCancellation(context, subscription, params.cancel_at_period_end)
    }
    for (const item of params.items) {
      const price = sellablePrice(context, item.price, 'items[0][price]')
      const next = { price, quantity: item.quantity }
      change(context, subscription, item.id, next, params.proration_behavior)
    }
    subscription.metadata = updatedMetadata(subscription.metadata, params.metadata)
    context.emit('customer.subscription.updated', subscription)
    return subscription
  },
})

export const cancelSubscription = operation({
  name: 'Subscriptions.cancel',
  method: 'DELETE',
  path: '/v1/subscriptions/:id',
  params: z.strictObject({ expand }),
  run(_params, context): Stripe.Subscription {
    const subscription = findSubscription(context)
    if (isOver(subscription)) throw resourceMissing('subscription', subscription.id)
    endSubscription(context, subscription, 'cancellation_requested')
    return subscription
  },
})

export const retrieveSubscription = operation({
  name: 'Subscriptions.retrieve',
  method: 'GET',
  path: '/v1/subscriptions/:id',
  params: z.strictObject({ expand }),
  run: (_params, context) => findSubscription(context),
})

export const listSubscriptions = operation({
  name: 'Subscriptions.list',
  method: 'GET',
  path: '/v1/subscriptions',
  params: z.strictObject({
    ...page,
    created: created.optional(),
    customer: id.optional(),
    status: z.string().max(30).optional(),
  }),
  run(params, { state }) {
    const found = [...state.subscriptions.values()].filter(
      (subscription) =>
        createdWithin(subscription.created, params.created) &&
        (params.customer === undefined || subscription.customer === params.customer) &&
        // Without a status, Stripe leaves out what was canceled.
        (params.status === undefined
          ? subscription.status !== 'canceled'
          : params.status === 'all' || subscription.status === params.status),
    )
    return pageOf('/v1/subscriptions', found, params)
  },
})

function setCancellation(
  context: Context,
  subscription: Stripe.Subscription,
  cancels: boolean,
): void {
  const end = subscription.items.data[0]?.current_period_end ?? null
  subscription.cancel_at_period_end = cancels
  subscription.cancel_at = cancels ? end : null
  subscription.canceled_at = cancels ? context.nowS : null
}

function ownMethod(context: Context, given: string | undefined, customer: string): string | null {
  if (given === undefined) return null
  const record = methodFor(context, given, 'default_payment_method')
  requireUsable(record, customer)
  return record.object.id
}

function findSubscription({ state, ids: [subscriptionId = ''] }: Context): Stripe.Subscription {
  const subscription = state.subscriptions.get(subscriptionId)
  if (subscription === undefined) throw resourceMissing('subscription', subscriptionId)
  return subscription
}
