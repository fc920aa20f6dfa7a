import {
  encodeCanonical,
  type OpenStatement,
  openStatement,
  picoEuro,
  type SignedRecord,
  type StatementLine,
} from '@hanse/protocol'
import type { Claim, RefusedSession, StatementClaim } from './claim.ts'
import { encodeSigned } from './submission.ts'
import { isEarly, type VerifyContext } from './verify-submission.ts'

/** A statement with its lines, encoded, in their order. */
export interface StatementSubmission {
  readonly statement: SignedRecord
  readonly lines: readonly Uint8Array[]
}

/**
 * Checks everything about a statement that can be checked without the store: two signatures, and a hash for each line.
 * Each line becomes a claim, or is refused for its date.
 *
 * @throws {HanseError} with the code that the sender is told
 */
export function verifyStatement(
  { statement, lines }: StatementSubmission,
  context: Pick<VerifyContext, 'network' | 'now' | 'receiptGraceMs'>,
): StatementClaim {
  const opened = openStatement(context, statement, lines)
  const { value } = opened
  const cid = opened.cid.toString()
  const claimOf = claimer(opened, cid)
  const claims: Claim[] = []
  const refused: RefusedSession[] = []
  for (const line of opened.lines) {
    if (isEarly(line.acceptedAt, context.now)) refused.push(tooEarly(line))
    else if (line.acceptedAt + context.receiptGraceMs < context.now) refused.push(tooOld(line))
    else claims.push(claimOf(line))
  }
  return {
    cid,
    authorization: value.authorization.toString(),
    consumer: value.consumer,
    provider: value.provider,
    lane: value.lane,
    sequence: value.sequence,
    previous: value.previous?.toString() ?? null,
    amount: value.amount,
    sum: sumOf(opened.lines),
    bytes: opened.bytes,
    signed: encodeSigned(statement),
    lines: encodeCanonical([...lines]),
    claims,
    refused,
  }
}

function claimer({ value }: OpenStatement, statement: string): (line: StatementLine) => Claim {
  const shared = {
    authorization: value.authorization.toString(),
    consumer: value.consumer,
    provider: value.provider,
    residency: value.residency,
    attestation: null,
    evidence: null,
    statement,
  }
  return ({ order, receipt, ...counts }) => ({
    ...shared,
    ...counts,
    session: order.toString(),
    receipt: receipt.toString(),
  })
}

/** A line does not say when the session's time ended, so its grace counts from the acceptance. */
function tooOld({ order }: StatementLine): RefusedSession {
  return {
    session: order.toString(),
    code: 'HANSE_RECEIPT_EXPIRED',
    message: 'the grace period after the session has passed',
  }
}

function tooEarly({ order }: StatementLine): RefusedSession {
  return {
    session: order.toString(),
    code: 'HANSE_RECEIPT_EARLY',
    message: 'the acceptance is dated in the future',
  }
}

function sumOf(lines: readonly StatementLine[]): StatementClaim['sum'] {
  let [inputTokens, outputTokens, amount] = [0n, 0n, 0n]
  for (const line of lines) {
    inputTokens += line.inputTokens
    outputTokens += line.outputTokens
    amount += line.amount
  }
  return { inputTokens, outputTokens, amount: picoEuro(amount) }
}
