import { sellablePrice } from './catalog.ts'
import { charge, declineOf } from './charging.ts'
import type { Context } from './operation.ts'
import { newPaymentIntent } from './payment-intents.ts'
import { attach, methodFor } from './payment-methods.ts'
import { completeSetup, newSetupIntent } from './setup-intents.ts'
import type { CheckoutRecord, PaymentMethodRecord } from './state.ts'
import { storedId } from './stored-id.ts'
import { subscribe } from './subscriptions.ts'
import { findTaxRates } from './tax.ts'

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
  // A declined payment leaves its intent behind; nothing is set up or subscribed to.
  if (object.mode === 'payment') pay(context, record, method)
  else if (decline === undefined) begin(context, record, method)
  if (decline !== undefined) return { outcome: 'declined', message: decline.message }
  object.status = 'complete'
  object.url = null
  context.emit('checkout.session.completed', object)
  const location = (object.success_url ?? '').replaceAll('{CHECKOUT_SESSION_ID}', object.id)
  return { outcome: 'complete', location }
}

/** A session keeps one intent, however often its customer tries. */
function pay(context: Context, record: CheckoutRecord, method: PaymentMethodRecord): void {
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
  if (charge(context, intent, method, false) !== undefined) return
  if (record.savesMethod && customer !== null) attach(context, method, customer)
  object.payment_status = intent.status === 'succeeded' ? 'paid' : 'unpaid'
}

function begin(context: Context, record: CheckoutRecord, method: PaymentMethodRecord): void {
  if (record.object.mode === 'setup') setUp(context, record, method)
  else startSubscription(context, record, method)
}

function startSubscription(
  context: Context,
  record: CheckoutRecord,
  method: PaymentMethodRecord,
): void {
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
