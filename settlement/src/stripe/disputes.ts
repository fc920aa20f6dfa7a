import type Stripe from 'stripe'
import { ask, each, idOf, keyed, msOf, pageMax, secondsOf } from './call.ts'
import { centsOfAmount } from './cents.ts'

/** Charges that customers contest at their bank. */
export interface DisputePayments {
  disputeState(dispute: string): Promise<DisputeState>
  /** Disputes opened since a time, newest first. */
  disputes(request: { readonly sinceMs: number }): AsyncIterable<DisputeState>
  /** Sends the evidence to the bank: this can be done once. */
  contestDispute(request: {
    readonly dispute: string
    /** What happened, in words, at most 20,000 characters. */
    readonly statement: string
    readonly operation: string
  }): Promise<DisputeState>
  /** Gives in: the dispute is lost. */
  acceptDispute(request: {
    readonly dispute: string
    readonly operation: string
  }): Promise<DisputeState>
}

export interface DisputeState {
  readonly dispute: string
  readonly charge: string | undefined
  readonly paymentIntent: string | undefined
  readonly cents: bigint
  /** `inquiry`: the bank asks, no money has moved. `prevented`: it never became a dispute. */
  readonly status: 'inquiry' | 'needs-response' | 'under-review' | 'won' | 'lost' | 'prevented'
  /** `fraudulent`, `product_not_received` …; the list is open. */
  readonly reason: string
  readonly createdMs: number
  readonly evidenceDueMs: number | undefined
  /** What left the balance for it and has not come back: amounts and fees, all movements summed. */
  readonly withdrawnCents: bigint
  /** Stripe's fee for the dispute, which a won dispute does not return. */
  readonly feeCents: bigint
}

export function disputePayments(stripe: Stripe): DisputePayments {
  return {
    async disputeState(dispute) {
      return disputeOf(await ask(() => stripe.disputes.retrieve(dispute)))
    },
    async *disputes({ sinceMs }) {
      const created = { gte: secondsOf(sinceMs) }
      const list = stripe.disputes.list({ created, limit: pageMax })
      for await (const dispute of each(list)) yield disputeOf(dispute)
    },
    async contestDispute({ dispute, statement, operation }) {
      const params = { evidence: { uncategorized_text: statement }, submit: true }
      return disputeOf(
        await ask(() => stripe.disputes.update(dispute, params, keyed('contest', operation))),
      )
    },
    async acceptDispute({ dispute, operation }) {
      return disputeOf(
        await ask(() => stripe.disputes.close(dispute, {}, keyed('accept', operation))),
      )
    },
  }
}

const statuses: Readonly<Record<string, DisputeState['status']>> = {
  warning_needs_response: 'inquiry',
  warning_under_review: 'inquiry',
  warning_closed: 'prevented',
  needs_response: 'needs-response',
  appeal_needs_response: 'needs-response',
  appeal_under_review: 'under-review',
  under_review: 'under-review',
  won: 'won',
  lost: 'lost',
  prevented: 'prevented',
}

function disputeOf(dispute: Stripe.Dispute): DisputeState {
  const { balance_transactions: movements, evidence_details: evidence } = dispute
  return {
    dispute: dispute.id,
    charge: idOf(dispute.charge),
    paymentIntent: idOf(dispute.payment_intent),
    cents: centsOfAmount(dispute.amount),
    // A status that we do not know must not look settled.
    status: statuses[dispute.status] ?? 'under-review',
    reason: dispute.reason,
    createdMs: msOf(dispute.created),
    evidenceDueMs: evidence.due_by === null ? undefined : msOf(evidence.due_by),
    withdrawnCents: -movements.reduce((sum, { net }) => sum + centsOfAmount(net), 0n),
    feeCents: movements.reduce((sum, { fee }) => sum + centsOfAmount(fee), 0n),
  }
}
