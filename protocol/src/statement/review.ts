import type { CID } from 'multiformats/cid'
import { HanseError } from '../errors.ts'
import type { Signer } from '../identity/keys.ts'
import type { Receipt } from '../receipt/receipt.ts'
import type { Named } from '../record/record.ts'
import {
  openSigned,
  type SignedRecord,
  type SigningContext,
  signBytes,
  signedFields,
} from '../record/signed.ts'
import { isSameResidency } from '../region/policy.ts'
import type { Order } from '../session/records.ts'
import { bytesEqual } from '../wire.ts'
import type { ProposeFrame, StatementAnswer } from './frames.ts'
import type { StatementLine } from './line.ts'
import {
  checkFollows,
  type OpenStatement,
  readLines,
  type Statement,
  statement,
} from './statement.ts'

/** A session as its consumer remembers it. */
export interface StatedSession {
  readonly order: Order
  readonly acceptedAt: number
  /** The last receipt that the consumer countersigned. */
  readonly last: Named<Receipt>
  /** The Statement that holds it already, if any. */
  readonly stated: CID | null
}

/** What a consumer knows when it looks at a Statement. */
export interface StatementFacts {
  readonly session: (order: CID) => StatedSession | undefined
  /** The last Statement of this lane that the consumer signed. */
  readonly last: (proposed: Statement) => Named<Statement> | undefined
}

/**
 * The consumer's side: signs what it knows to be true of its own sessions. The same proposal gets the same signature again;
 * a second one of the same number never.
 *
 * @returns what to keep, durably, before the answer leaves
 * @throws {HanseError} the code becomes that of the refusal: HANSE_RECORD_*, HANSE_SIGNATURE_*, HANSE_STATEMENT_*
 */
export function countersignStatement(
  context: SigningContext & { readonly signer: Signer },
  frame: ProposeFrame,
  facts: StatementFacts,
): { statement: OpenStatement & SignedRecord; answer: StatementAnswer } {
  const proposed = openSigned(context, statement, frame.statement, ({ provider }) => [
    { signer: provider, role: 'provider' },
  ])
  const { value } = proposed
  if (value.consumer !== context.signer.peerId) {
    throw new HanseError('HANSE_STATEMENT_SESSION', 'the statement is for another consumer')
  }
  const { cid, bytes } = proposed
  const opened: OpenStatement = { cid, bytes, value, ...readLines(proposed, frame.lines) }
  const last = facts.last(value)
  // A provider that lost the answer asks again.
  const again = last !== undefined && bytesEqual(last.bytes, proposed.bytes)
  if (!again) {
    checkFollows(opened, last)
    for (const line of opened.lines) checkLine(value, line, facts.session(line.order))
  }
  const ours = signBytes(context, statement, proposed.bytes, 'consumer', context.signer)
  const { signatures } = signedFields(proposed)
  return {
    statement: { ...opened, signatures: [...signatures, ours] },
    answer: { t: 'countersign', sequence: value.sequence, signature: ours.signature },
  }
}

function checkLine(value: Statement, line: StatementLine, known: StatedSession | undefined): void {
  const fault = known === undefined ? 'no session of this consumer' : lineFault(value, line, known)
  if (fault === undefined) return
  throw new HanseError('HANSE_STATEMENT_SESSION', `${line.order.toString()}: ${fault}`)
}

function lineFault(
  value: Statement,
  line: StatementLine,
  { order, acceptedAt, last, stated }: StatedSession,
): string | undefined {
  if (stated !== null) return 'it was stated before'
  if (order.provider !== value.provider) return 'the session was with another provider'
  if (order.authorization?.equals(value.authorization) !== true) return 'another authorization'
  if (!isSameResidency(order.residency, value.residency)) return 'another residency policy'
  const { value: receipt } = last
  const isTrue =
    last.cid.equals(line.receipt) &&
    receipt.final === line.final &&
    receipt.sequence === line.sequence &&
    receipt.inputTokens === line.inputTokens &&
    receipt.cachedInputTokens === line.cachedInputTokens &&
    receipt.outputTokens === line.outputTokens &&
    receipt.amount === line.amount &&
    order.model === line.model &&
    acceptedAt === line.acceptedAt
  return isTrue ? undefined : 'it differs from the final receipt'
}
