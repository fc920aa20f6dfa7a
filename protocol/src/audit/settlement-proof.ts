import type { CID } from 'multiformats/cid'
import { z } from 'zod'
import { HanseError } from '../errors.ts'
import { leafHash } from '../log/hash.ts'
import { LEAF_SALT_BYTES } from '../log/leaf-commitment.ts'
import { PROOF_HASHES_MAX, verifyInclusion } from '../log/verify.ts'
import { bytes, bytesUpTo, counter, smallInt, word } from '../record/fields.ts'
import { defineRecord, type Named, named } from '../record/record.ts'
import { openSigned, type SigningContext, signatureSchema } from '../record/signed.ts'
import { decodeLine, LINE_BYTES_MAX, type StatementLine } from '../statement/line.ts'
import {
  STATEMENT_SESSIONS_MAX,
  type Statement,
  statement,
  statementSigners,
} from '../statement/statement.ts'
import { LOG_EVENT_BYTES_MAX, type LogEvent, logEvent } from './event.ts'

const STATEMENT_BYTES_MAX = 2048
/** A checkpoint with the cosignatures of some dozen witnesses, after the hashes. */
const PROOF_TEXT_MAX = 16_384
/** Two to the tenth power is above the most lines of a statement. */
const PATH_HASHES_MAX = 10

/**
 * Shows, without a network, that a settlement has logged what it booked. Not signed: all of it is proved by what it
 * holds. For a session that was settled by a statement, the statement and the session's line in it are part of it.
 */
export const settlementProof = defineRecord(
  'hanse.settlement-proof.v1',
  {
    /** The bytes of a `hanse.log-event.v1`. */
    event: bytesUpTo(LOG_EVENT_BYTES_MAX),
    salt: bytes(LEAF_SALT_BYTES),
    /** C2SP tlog-proof of the entry, with its signed checkpoint. */
    proof: word(PROOF_TEXT_MAX),
    statement: z
      .strictObject({
        bytes: bytesUpTo(STATEMENT_BYTES_MAX),
        signatures: z.array(signatureSchema).max(2),
        line: bytesUpTo(LINE_BYTES_MAX),
        index: smallInt(STATEMENT_SESSIONS_MAX - 1),
        /** From the line's sibling up to the root's child. */
        path: z.array(bytes(32)).max(PATH_HASHES_MAX),
      })
      .nullable(),
    /** That the log only grew since it had `size` entries. */
    consistency: z
      .strictObject({ size: counter, hashes: z.array(bytes(32)).max(PROOF_HASHES_MAX) })
      .nullable(),
  },
  { bytesMax: 32_768 },
)
export type SettlementProof = ReturnType<typeof settlementProof.decode>

/** The last receipt of the session that a proof should be about. */
export interface ProvedSession {
  /** CID of the order. */
  readonly order: CID
  /** CID of the receipt. */
  readonly receipt: CID
}

/** What a proof tells of, before it is looked up in the log. */
export interface SettledEvent {
  readonly event: Named<LogEvent>
  /** Only of a session that was settled by a statement. */
  readonly statement?: Named<Statement> & { readonly line: StatementLine }
}

/**
 * Checks that the event of a proof is about this session: about its last receipt, or about a statement that both sides
 * signed and that has it on a line.
 *
 * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_*, HANSE_STATEMENT_LINE, HANSE_STATEMENT_ROOT, HANSE_AUDIT_EVENT
 */
export function openSettledEvent(
  context: SigningContext,
  proof: SettlementProof,
  session: ProvedSession,
): SettledEvent {
  const event = named(logEvent, proof.event)
  const { kind, record } = event.value
  if (proof.statement === null) {
    if (kind !== 'receipt-settled' || record?.equals(session.receipt) !== true) {
      throw new HanseError('HANSE_AUDIT_EVENT', 'the event is not about the last receipt')
    }
    return { event }
  }
  const stated = openStatedLine(context, proof.statement, session)
  if (kind !== 'statement-settled' || record?.equals(stated.cid) !== true) {
    throw new HanseError('HANSE_AUDIT_EVENT', 'the event is not about the statement')
  }
  return { event, statement: stated }
}

function openStatedLine(
  context: SigningContext,
  stated: NonNullable<SettlementProof['statement']>,
  session: ProvedSession,
): Named<Statement> & { readonly line: StatementLine } {
  const { cid, bytes: record, value } = openSigned(context, statement, stated, statementSigners)
  const line = decodeLine(stated.line)
  if (!line.order.equals(session.order) || !line.receipt.equals(session.receipt)) {
    throw new HanseError('HANSE_AUDIT_EVENT', 'the line is of another session')
  }
  const isIn = verifyInclusion({
    leafIndex: BigInt(stated.index),
    treeSize: BigInt(value.sessions),
    leafHash: leafHash(stated.line),
    proof: stated.path,
    root: value.root,
  })
  if (!isIn) throw new HanseError('HANSE_STATEMENT_ROOT', 'the line is not in the statement')
  return { cid, bytes: record, value, line }
}
