import type Stripe from 'stripe'
import { z } from 'zod'
import { invalidRequest, resourceMissing } from './fault.ts'
import { balanceOf, move } from './money.ts'
import { type Context, operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import { created, expand, id, metadata, page, transferCents } from './params.ts'
import { testMethodOf } from './payment-methods.ts'
import { platform, type State } from './state.ts'
import { storedId } from './stored-id.ts'

// A bank takes days to send a refund back; tests move the clock.
const refundDecidedMs = 86_400_000

export const createRefund = operation({
  name: 'Refunds.create',
  method: 'POST',
  path: '/v1/refunds',
  params: z.strictObject({
    amount: transferCents.optional(),
    charge: id.optional(),
    payment_intent: id.optional(),
    reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer']).optional(),
    expand,
    metadata,
  }),
  run(params, context): Stripe.Refund {
    const charge = refundable(context, params)
    const left = charge.amount - charge.amount_refunded
    const amount = params.amount ?? left
    if (left === 0) {
      throw invalidRequest(
        `Charge ${charge.id} has already been refunded.`,
        'charge_already_refunded',
      )
    }
    if (amount > left) {
      throw invalidRequest(
        `Refund amount (${amount}) is greater than unrefunded amount on charge (${left})`,
        undefined,
        'amount',
      )
    }
    const refund = refundObject(context, charge, amount)
    refund.reason = params.reason ?? null
    refund.metadata = params.metadata
    context.state.refunds.set(refund.id, refund)
    charge.amount_refunded += amount
    charge.refunded = charge.amount_refunded === charge.amount
    send(context, refund, charge)
    context.emit('refund.created', refund)
    context.emit('charge.refunded', charge)
    return refund
  },
})

export const retrieveRefund = operation({
  name: 'Refunds.retrieve',
  method: 'GET',
  path: '/v1/refunds/:id',
  params: z.strictObject({ expand }),
  run(_params, { state, ids: [refundId = ''] }): Stripe.Refund {
    const refund = state.refunds.get(refundId)
    if (refund === undefined) throw resourceMissing('refund', refundId)
    return refund
  },
})

export const listRefunds = operation({
  name: 'Refunds.list',
  method: 'GET',
  path: '/v1/refunds',
  params: z.strictObject({
    ...page,
    charge: id.optional(),
    created: created.optional(),
    payment_intent: id.optional(),
  }),
  run(params, { state }) {
    const found = [...state.refunds.values()].filter(
      (refund) =>
        createdWithin(refund.created, params.created) &&
        (params.charge === undefined || refund.charge === params.charge) &&
        (params.payment_intent === undefined || refund.payment_intent === params.payment_intent),
    )
    return pageOf('/v1/refunds', found, params)
  },
})

/** Takes the money, or waits for it: Stripe does not let a refund overdraw the balance. */
function send(context: Context, refund: Stripe.Refund, charge: Stripe.Charge): void {
  const { state, nowMs } = context
  if (balanceOf(state, platform).available < refund.amount) {
    refund.status = 'pending'
    refund.pending_reason = 'insufficient_funds'
    context.later('refund-decided', refund.id, nowMs + refundDecidedMs)
    return
  }
  refund.balance_transaction = move(context, {
    account: platform,
    amount: -refund.amount,
    type: charge.id.startsWith('py') ? 'payment_refund' : 'refund',
    reportingCategory: 'refund',
    source: refund.id,
    description: 'REFUND FOR CHARGE',
  }).id
  delete refund.pending_reason
  const fate = fateOf(context, charge)
  refund.status = fate === 'is pending' ? 'pending' : 'succeeded'
  if (fate === 'is pending') refund.pending_reason = 'processing'
  if (fate !== undefined) context.later('refund-decided', refund.id, nowMs + refundDecidedMs)
}

/** What comes of a refund that was waiting, or that the customer's bank sends back. */
export function decideRefund(context: Context, refundId: string): void {
  const refund = context.state.refunds.get(refundId)
  const charge = context.state.charges.get(storedId(refund?.charge))?.object
  if (refund === undefined || charge === undefined) return
  if (refund.balance_transaction === null) send(context, refund, charge)
  else if (fateOf(context, charge) === 'fails') returnRefund(context, refund, charge)
  else {
    refund.status = 'succeeded'
    delete refund.pending_reason
  }
  if (refund.status === 'failed') context.emit('refund.failed', refund)
  context.emit('refund.updated', refund)
  context.emit('charge.refund.updated', refund)
}

function returnRefund(context: Context, refund: Stripe.Refund, charge: Stripe.Charge): void {
  refund.status = 'failed'
  refund.failure_reason = 'expired_or_canceled_card'
  refund.failure_balance_transaction = move(context, {
    account: platform,
    amount: refund.amount,
    type: 'refund_failure',
    reportingCategory: 'refund_failure',
    source: refund.id,
    description: 'REFUND FAILURE',
  }).id
  charge.amount_refunded -= refund.amount
  charge.refunded = false
}

function fateOf({ state }: Context, charge: Stripe.Charge): 'fails' | 'is pending' | undefined {
  const record = state.paymentMethods.get(charge.payment_method ?? '')
  const test = record && testMethodOf(record)
  return test?.outcome === 'succeeds' ? test.refund : undefined
}

function refundable(
  { state }: Context,
  {
    charge,
    payment_intent: intent,
  }: { charge?: string | undefined; payment_intent?: string | undefined },
): Stripe.Charge {
  const named = charge ?? state.paymentIntents.get(intent ?? '')?.latest_charge
  const found = state.charges.get(typeof named === 'string' ? named : '')
  if (found === undefined || found.account !== platform) {
    const [noun, param] =
      charge === undefined ? ['payment_intent', 'payment_intent'] : ['charge', 'charge']
    throw invalidRequest(`No such ${noun}: '${charge ?? intent ?? ''}'`, 'resource_missing', param)
  }
  if (found.object.status !== 'succeeded') {
    throw invalidRequest(
      `Charge ${found.object.id} has no money to refund.`,
      'charge_not_refundable',
    )
  }
  if (isChargedBack(state, found.object.id)) {
    throw invalidRequest(`Charge ${found.object.id} has been charged back.`, 'charge_disputed')
  }
  return found.object
}

/** A dispute holds the money, or has taken it; a won one gave it back. */
function isChargedBack({ disputes }: State, charge: string): boolean {
  return [...disputes.values()].some(
    (dispute) =>
      dispute.charge === charge &&
      dispute.status !== 'won' &&
      !dispute.status.startsWith('warning'),
  )
}

function refundObject(context: Context, charge: Stripe.Charge, amount: number): Stripe.Refund {
  return {
    id: context.newId('re'),
    object: 'refund',
    amount,
    balance_transaction: null,
    charge: charge.id,
    created: context.nowS,
    currency: 'eur',
    customer: charge.customer,
    customer_account: null,
    metadata: {},
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    reason: null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'pending',
    transfer_reversal: null,
  }
}
