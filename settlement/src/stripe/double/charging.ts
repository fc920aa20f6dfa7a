import type Stripe from 'stripe'
import { chargeObject } from './charge-object.ts'
import { openDispute } from './disputes.ts'
import { StripeFault } from './fault.ts'
import { move } from './money.ts'
import type { Context } from './operation.ts'
import { testMethodOf } from './payment-methods.ts'
import { cardFee } from './prices.ts'
import { type PaymentMethodRecord, platform } from './state.ts'
import { storedId } from './stored-id.ts'
import { bankDebitMs, cardPendingS, type TestMethod } from './test-methods.ts'

type Intent = Stripe.PaymentIntent

export interface Decline {
  readonly code: string
  readonly declineCode: string | undefined
  readonly message: string
}

const authenticationRequired: Decline = {
  code: 'authentication_required',
  declineCode: 'authentication_required',
  message: 'The card was declined. This transaction requires authentication.',
}

/** What a payment method would answer, before anything is changed. */
export function declineOf(record: PaymentMethodRecord, offSession: boolean): Decline | undefined {
  const test = testMethodOf(record)
  if (test.outcome === 'asks the customer') return offSession ? authenticationRequired : undefined
  if (test.outcome !== 'declines') return undefined
  const { code, declineCode } = test
  return { code, declineCode, message: 'Your card was declined.' }
}

/** Charges an intent; why not, when the bank says no. The intent tells either way. */
export function charge(
  context: Context,
  intent: Intent,
  record: PaymentMethodRecord,
  offSession: boolean,
): Decline | undefined {
  intent.payment_method = record.object.id
  intent.payment_method_types = [record.object.type]
  const decline = declineOf(record, offSession)
  if (decline !== undefined) refuse(context, intent, decline)
  else begin(context, intent, testMethodOf(record))
  return decline
}

function begin(context: Context, intent: Intent, test: TestMethod): void {
  if (test.outcome === 'settles later') {
    const pending = chargeFor(context, intent, 'py', 'pending')
    intent.status = 'processing'
    context.emit('charge.pending', pending)
    context.emit('payment_intent.processing', intent)
    context.later('bank-debit-settles', intent.id, context.nowMs + bankDebitMs)
    return
  }
  const atOnce = test.outcome === 'succeeds' && test.available === 'at once'
  const made = chargeFor(context, intent, 'ch', 'succeeded')
  succeed(context, intent, made, {
    type: 'charge',
    fee: cardFee(context.prices, intent.amount),
    availableOnS: atOnce ? context.nowS : context.nowS + cardPendingS,
  })
  if (test.outcome === 'succeeds' && test.disputed !== undefined) {
    openDispute(context, made, test.disputed)
  }
}

function succeed(
  context: Context,
  intent: Intent,
  made: Stripe.Charge,
  movement: {
    readonly type: 'charge' | 'payment'
    readonly fee: number
    readonly availableOnS: number
  },
): void {
  const transaction = move(context, {
    ...movement,
    account: platform,
    amount: intent.amount,
    reportingCategory: 'charge',
    source: made.id,
    description: intent.description,
  })
  made.balance_transaction = transaction.id
  intent.amount_received = intent.amount
  intent.last_payment_error = null
  intent.next_action = null
  intent.status = 'succeeded'
  context.emit('charge.succeeded', made)
  context.emit('payment_intent.succeeded', intent)
}

function refuse(context: Context, intent: Intent, decline: Decline): void {
  fail(context, intent, chargeFor(context, intent, 'ch', 'failed'), decline)
}

function fail(context: Context, intent: Intent, failed: Stripe.Charge, decline: Decline): void {
  const { code, declineCode, message } = decline
  failed.status = 'failed'
  failed.paid = false
  failed.failure_code = code
  failed.failure_message = message
  intent.status = 'requires_payment_method'
  intent.payment_method = null
  intent.last_payment_error = {
    type: 'card_error',
    code,
    message,
    charge: failed.id,
    ...(declineCode !== undefined && { decline_code: declineCode }),
  }
  context.emit('charge.failed', failed)
  context.emit('payment_intent.payment_failed', intent)
}

/** What a bank says days later; the intent it was about. */
export function settleBankDebit(context: Context, intentId: string): Intent | undefined {
  const intent = context.state.paymentIntents.get(intentId)
  const pending = context.state.charges.get(storedId(intent?.latest_charge))?.object
  if (intent?.status !== 'processing' || pending === undefined) return undefined
  const record = context.state.paymentMethods.get(storedId(intent.payment_method))
  const test = record && testMethodOf(record)
  if (test?.outcome === 'settles later' && test.settles === 'fails') {
    const message = 'The customer’s bank account could not be debited.'
    fail(context, intent, pending, {
      code: 'payment_method_provider_decline',
      declineCode: undefined,
      message,
    })
    return intent
  }
  pending.status = 'succeeded'
  pending.paid = true
  pending.amount_captured = pending.amount
  pending.captured = true
  const fee = context.prices.bankDebitCents
  succeed(context, intent, pending, { type: 'payment', fee, availableOnS: context.nowS })
  return intent
}

/** Stripe's answer to an API call whose payment was declined. */
export function declined(intent: Intent, { code, declineCode, message }: Decline): StripeFault {
  return new StripeFault(402, 'card_error', message, {
    code,
    ...(declineCode !== undefined && { declineCode }),
    ...(typeof intent.latest_charge === 'string' && { charge: intent.latest_charge }),
    paymentIntent: structuredClone(intent),
  })
}

function chargeFor(
  context: Context,
  intent: Intent,
  prefix: 'ch' | 'py',
  status: 'succeeded' | 'failed' | 'pending',
): Stripe.Charge {
  const made = chargeObject({
    id: context.newId(prefix),
    amount: intent.amount,
    created: context.nowS,
    customer: intent.customer,
    description: intent.description,
    metadata: intent.metadata,
    payment_intent: intent.id,
    payment_method: typeof intent.payment_method === 'string' ? intent.payment_method : null,
    status,
    transfer_group: intent.transfer_group,
  })
  context.state.charges.set(made.id, { account: platform, object: made })
  intent.latest_charge = made.id
  return made
}
