import type Stripe from 'stripe'
import { z } from 'zod'
import { invalidRequest, resourceMissing } from './fault.ts'
import { move } from './money.ts'
import { type Context, operation } from './operation.ts'
import { createdWithin, pageOf } from './pages.ts'
import { boolean, created, expand, id, metadataUpdate, page, updatedMetadata } from './params.ts'
import { platform } from './state.ts'
import { storedId } from './stored-id.ts'

// Card networks give 7 to 21 days: docs.stripe.com/disputes/how-disputes-work.
const answerMs = 9 * 86_400_000
// A bank takes two or three months; Stripe's sandbox decides at once, for the two magic texts.
const decisionMs = 60 * 86_400_000

export const retrieveDispute = operation({
  name: 'Disputes.retrieve',
  method: 'GET',
  path: '/v1/disputes/:id',
  params: z.strictObject({ expand }),
  run: (_params, context) => findDispute(context, context.ids[0] ?? ''),
})

export const listDisputes = operation({
  name: 'Disputes.list',
  method: 'GET',
  path: '/v1/disputes',
  params: z.strictObject({
    ...page,
    charge: id.optional(),
    created: created.optional(),
    payment_intent: id.optional(),
  }),
  run(params, { state }) {
    const found = [...state.disputes.values()].filter(
      (dispute) =>
        createdWithin(dispute.created, params.created) &&
        (params.charge === undefined || dispute.charge === params.charge) &&
        (params.payment_intent === undefined || dispute.payment_intent === params.payment_intent),
    )
    return pageOf('/v1/disputes', found, params)
  },
})

export const updateDispute = operation({
  name: 'Disputes.update',
  method: 'POST',
  path: '/v1/disputes/:id',
  params: z.strictObject({
    evidence: z.strictObject({ uncategorized_text: z.string().max(20_000).optional() }).optional(),
    submit: boolean.default(true),
    expand,
    metadata: metadataUpdate,
  }),
  run(params, context): Stripe.Dispute {
    const dispute = findDispute(context, context.ids[0] ?? '')
    dispute.metadata = updatedMetadata(dispute.metadata, params.metadata)
    if (params.evidence !== undefined) {
      requireUnanswered(dispute)
      const { uncategorized_text: statement } = params.evidence
      if (statement !== undefined) dispute.evidence.uncategorized_text = statement
      dispute.evidence_details.has_evidence = true
      if (params.submit) submit(context, dispute)
    }
    context.emit('charge.dispute.updated', dispute)
    return dispute
  },
})

export const closeDispute = operation({
  name: 'Disputes.close',
  method: 'POST',
  path: '/v1/disputes/:id/close',
  params: z.strictObject({ expand }),
  run(_params, context): Stripe.Dispute {
    const dispute = findDispute(context, context.ids[0] ?? '')
    requireUnanswered(dispute)
    endDispute(context, dispute, 'lost')
    return dispute
  },
})

/** A customer contests a charge at the bank: the money goes first, with a fee. */
export function openDispute(
  context: Context,
  charge: Stripe.Charge,
  reason: string,
): Stripe.Dispute {
  if (charge.status !== 'succeeded' || charge.disputed) {
    throw invalidRequest(`Charge ${charge.id} cannot be disputed.`)
  }
  const inquiry = reason === 'inquiry'
  const dispute = disputeObject(context, charge, inquiry ? 'general' : reason)
  context.state.disputes.set(dispute.id, dispute)
  if (inquiry) dispute.status = 'warning_needs_response'
  else {
    charge.disputed = true
    dispute.balance_transactions.push(
      move(context, {
        account: platform,
        amount: -dispute.amount,
        fee: context.prices.disputeCents,
        feeDescription: 'Dispute fee',
        type: 'adjustment',
        reportingCategory: 'dispute',
        source: dispute.id,
        description: `Chargeback withdrawal for ${charge.id}`,
      }),
    )
  }
  context.emit('charge.dispute.created', dispute)
  if (!inquiry) context.emit('charge.dispute.funds_withdrawn', dispute)
  context.later('dispute-unanswered', dispute.id, context.nowMs + answerMs)
  return dispute
}

/** What the bank decides. Nothing when it has decided before. */
export function endDispute(
  context: Context,
  dispute: Stripe.Dispute,
  outcome: 'won' | 'lost',
): void {
  if (isOver(dispute)) return
  const inquiry = dispute.status.startsWith('warning_')
  dispute.status = inquiry ? 'warning_closed' : outcome
  if (outcome === 'won' && !inquiry) {
    // The fee stays with Stripe: stripe.com/pricing.
    dispute.balance_transactions.push(
      move(context, {
        account: platform,
        amount: dispute.amount,
        type: 'adjustment',
        reportingCategory: 'dispute_reversal',
        source: dispute.id,
        description: `Chargeback reversal for ${storedId(dispute.charge)}`,
      }),
    )
    context.emit('charge.dispute.funds_reinstated', dispute)
  }
  context.emit('charge.dispute.closed', dispute)
}

/** The time to answer is over. */
export function forfeitDispute(context: Context, disputeId: string): void {
  const dispute = findDispute(context, disputeId)
  if (!needsResponse(dispute)) return
  dispute.evidence_details.past_due = true
  endDispute(context, dispute, 'lost')
}

/** Stripe's sandbox reads the evidence: docs.stripe.com/testing. Other texts lose. */
export function decideDispute(context: Context, disputeId: string): void {
  const dispute = findDispute(context, disputeId)
  const won = dispute.evidence.uncategorized_text === 'winning_evidence'
  endDispute(context, dispute, won ? 'won' : 'lost')
}

export function findDispute({ state }: Context, disputeId: string): Stripe.Dispute {
  const dispute = state.disputes.get(disputeId)
  if (dispute === undefined) throw resourceMissing('dispute', disputeId)
  return dispute
}

function submit(context: Context, dispute: Stripe.Dispute): void {
  dispute.evidence_details.submission_count += 1
  dispute.status = dispute.status.startsWith('warning_') ? 'warning_under_review' : 'under_review'
  const magic = /^(?:winning|losing)_evidence$/.test(dispute.evidence.uncategorized_text ?? '')
  const waitMs = magic ? 1_000 : decisionMs
  context.later('dispute-decided', dispute.id, context.nowMs + waitMs)
}

function needsResponse({ status }: Stripe.Dispute): boolean {
  return status === 'needs_response' || status === 'warning_needs_response'
}

function isOver({ status }: Stripe.Dispute): boolean {
  return ['won', 'lost', 'warning_closed', 'prevented'].includes(status)
}

function requireUnanswered(dispute: Stripe.Dispute): void {
  if (needsResponse(dispute)) return
  throw invalidRequest('This dispute cannot be answered any more.')
}

function disputeObject(context: Context, charge: Stripe.Charge, reason: string): Stripe.Dispute {
  return {
    id: context.newId('dp'),
    object: 'dispute',
    amount: charge.amount - charge.amount_refunded,
    balance_transactions: [],
    charge: charge.id,
    created: context.nowS,
    currency: 'eur',
    enhanced_eligibility_types: [],
    evidence: { ...noEvidence },
    evidence_details: {
      due_by: Math.floor((context.nowMs + answerMs) / 1_000),
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
      submission_method: 'manual',
    },
    intended_submission_method: null,
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason,
    status: 'needs_response',
  }
}

const noEvidence: Stripe.Dispute.Evidence = {
  access_activity_log: null,
  billing_address: null,
  cancellation_policy: null,
  cancellation_policy_disclosure: null,
  cancellation_rebuttal: null,
  customer_communication: null,
  customer_email_address: null,
  customer_name: null,
  customer_purchase_ip: null,
  customer_signature: null,
  duplicate_charge_documentation: null,
  duplicate_charge_explanation: null,
  duplicate_charge_id: null,
  enhanced_evidence: {},
  product_description: null,
  receipt: null,
  refund_policy: null,
  refund_policy_disclosure: null,
  refund_refusal_explanation: null,
  service_date: null,
  service_documentation: null,
  shipping_address: null,
  shipping_carrier: null,
  shipping_date: null,
  shipping_documentation: null,
  shipping_tracking_number: null,
  uncategorized_file: null,
  uncategorized_text: null,
}
