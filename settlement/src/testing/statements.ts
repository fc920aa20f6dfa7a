import {
  ANYWHERE,
  acceptance,
  cidOf,
  encodeLine,
  type Named,
  named,
  order,
  type Residency,
  receipt,
  type SignedRecord,
  type Signer,
  type Statement,
  type StatementLine,
  signBytes,
  signRecord,
  statement,
  stateSessions,
} from '@hanse/protocol'
import type { Submission } from '../receipts/submission.ts'
import type { StatementSubmission } from '../receipts/verify-statement.ts'

export interface StatementTerms {
  readonly network: string
  readonly consumer: Signer
  readonly provider: Signer
  readonly authorization: SignedRecord
  readonly residency?: Residency
  readonly lane?: number
  /** The one before it in the lane; without it, the statement is the lane's first. */
  readonly previous?: Named<Statement>
  /** Replaces what follows from the lines. */
  readonly changes?: Partial<Statement>
}

export interface MadeStatement extends StatementSubmission, Named<Statement> {}

/** A statement that both sides signed over these lines, as it is submitted. */
export function makeStatement(
  terms: StatementTerms,
  lines: readonly StatementLine[],
): MadeStatement {
  const { network, consumer, provider, authorization, previous } = terms
  const lane = {
    consumer: consumer.peerId,
    provider: provider.peerId,
    authorization: cidOf(authorization.bytes),
    residency: terms.residency ?? ANYWHERE,
    lane: terms.lane ?? 0,
  }
  const value = { ...stateSessions(lane, previous, lines), ...terms.changes }
  const context = { network }
  const signed = signRecord(context, statement, value, 'provider', provider)
  const countersigned = signBytes(context, statement, signed.bytes, 'consumer', consumer)
  return {
    cid: signed.cid,
    bytes: signed.bytes,
    value: signed.value,
    statement: { bytes: signed.bytes, signatures: [...signed.signatures, countersigned] },
    lines: lines.map(encodeLine),
  }
}

/** The line of a session whose last receipt this is. */
export function lineOf(submission: Submission): StatementLine {
  const ordered = named(order, submission.order.bytes)
  const last = named(receipt, submission.receipt.bytes)
  const { sequence, inputTokens, cachedInputTokens, outputTokens, amount, final } = last.value
  return {
    order: ordered.cid,
    receipt: last.cid,
    model: ordered.value.model,
    sequence,
    inputTokens,
    cachedInputTokens,
    outputTokens,
    amount,
    acceptedAt: acceptance.decode(submission.acceptance.bytes).at,
    final: final ?? 'completed',
  }
}
