import { decodeCanonical, encodeCanonical, RECORD_BYTES_MAX } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { LINES_BYTES_MAX } from '../receipts/statement-batch.ts'

interface Seat {
  readonly session: string
  readonly sequence: string
}

/** A receipt as it was signed, or the Statement that it is a line of. */
interface StoredReceipt {
  readonly cid: string
  readonly signed: Uint8Array | null
  readonly statement: string | null
  readonly signed_statement: Uint8Array | null
  readonly lines: Uint8Array | null
}

/**
 * What both sides signed under one number, as DAG-CBOR: everything that it takes to judge it, and nothing that anybody has
 * to believe this service for.
 *
 * @param cid of what contradicts
 * @returns `{session, sequence, order, acceptance, receipts: [{cid, receipt} or {cid, statement, lines}]}`, or
 * `{authorization, lane, sequence, statements: [{cid, statement}]}`; undefined when there is no such evidence
 */
export async function conflictEvidence(db: Database, cid: string): Promise<Uint8Array | undefined> {
  const [seat] = await rows<Seat>(
    db,
    sql`select session, sequence::text from receipt_conflict where cid = ${cid} order by session limit 1`,
  )
  return seat === undefined ? statementEvidence(db, cid) : receiptEvidence(db, seat)
}

async function receiptEvidence(db: Database, { session, sequence }: Seat): Promise<Uint8Array> {
  const receipts = await rows<StoredReceipt>(
    db,
    sql`select r.cid, r.signed, r.statement, s.signed as signed_statement, s.lines from (
        select cid, signed, statement, 0 as place, at from settled_receipt
          where session = ${session} and sequence = ${sequence}::int8
        union all
        select cid, signed, statement, 1, at from receipt_conflict
          where session = ${session} and sequence = ${sequence}::int8) r
      left join settled_statement s on s.cid = r.statement order by r.place, r.at, r.cid`,
  )
  const [terms] = await rows<{
    signed_order: Uint8Array | null
    signed_acceptance: Uint8Array | null
  }>(
    db,
    sql`select signed_order, signed_acceptance from settled_session where session = ${session}`,
  )
  return encodeCanonical({
    session,
    sequence: BigInt(sequence),
    order: record(terms?.signed_order ?? null),
    acceptance: record(terms?.signed_acceptance ?? null),
    receipts: receipts.map((one) =>
      one.signed === null
        ? { cid: one.cid, statement: record(one.signed_statement), lines: linesOf(one.lines) }
        : { cid: one.cid, receipt: record(one.signed) },
    ),
  })
}

async function statementEvidence(db: Database, cid: string): Promise<Uint8Array | undefined> {
  const [seat] = await rows<{ serial: string; lane: string; sequence: string; cid: string }>(
    db,
    sql`select c.authorization_serial::text as serial, c.lane::text, c.sequence::text, a.cid
      from statement_conflict c join spend_authorization a on a.serial = c.authorization_serial
      where c.cid = ${cid}`,
  )
  if (seat === undefined) return undefined
  const where = sql`authorization_serial = ${seat.serial}::int8 and lane = ${seat.lane}::int8
    and sequence = ${seat.sequence}::int8`
  const statements = await rows<{ cid: string; signed: Uint8Array }>(
    db,
    sql`select cid, signed from (
        select cid, signed, 0 as place, at from settled_statement where ${where}
        union all select cid, signed, 1, at from statement_conflict where ${where}) s
      order by place, at, cid`,
  )
  return encodeCanonical({
    authorization: seat.cid,
    lane: Number(seat.lane),
    sequence: BigInt(seat.sequence),
    statements: statements.map((one) => ({ cid: one.cid, statement: record(one.signed) })),
  })
}

/** As `encodeSigned` made it. */
const record = (signed: Uint8Array | null) =>
  signed && decodeCanonical(Uint8Array.from(signed), 2 * RECORD_BYTES_MAX)

const linesOf = (lines: Uint8Array | null) =>
  lines && decodeCanonical(Uint8Array.from(lines), LINES_BYTES_MAX)
