import type { LogEventKind } from '@hanse/protocol'
import { and, asc, eq, inArray, isNotNull, isNull, or } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { logEventTable, settledReceipt, settledSession, settledStatement } from '../db/schema.ts'

/** An event that has its place, with what proves it. */
export interface LoggedEvent {
  readonly body: Uint8Array
  readonly salt: Uint8Array
  readonly leaf: bigint
  /** Of a session that a statement settled. */
  readonly statement?: {
    readonly signed: Uint8Array
    readonly lines: Uint8Array
    /** CID of the session's order. */
    readonly order: string
  }
}

/** By the CID of a session's order, or of what an event is about; only when it has its place. */
export async function loggedEvent(db: Database, cid: string): Promise<LoggedEvent | undefined> {
  const session = await settledBy(db, cid)
  let [row] = await placed(
    db,
    session?.record ?? cid,
    session === undefined ? ['document-issued'] : ['receipt-settled', 'statement-settled'],
  )
  if (session === undefined && row === undefined) [row] = await placed(db, cid)
  if (row === undefined || row.leaf === null) return undefined
  const { body, salt, leaf } = row
  const statement = session?.statement
  return { body, salt, leaf, ...(statement !== undefined && { statement }) }
}

/** The first with its place: of some kinds, which have an index, or of any. */
const placed = (db: Database, record: string, kinds?: LogEventKind[]) =>
  db
    .select()
    .from(logEventTable)
    .where(
      and(
        eq(logEventTable.record, record),
        isNotNull(logEventTable.leaf),
        kinds && inArray(logEventTable.kind, kinds),
      ),
    )
    .orderBy(asc(logEventTable.id))
    .limit(1)

/** What settled the last receipt of a session: itself, or a statement. */
async function settledBy(db: Database, order: string) {
  const [row] = await db
    .select({
      receipt: settledReceipt.cid,
      statement: settledStatement.cid,
      signed: settledStatement.signed,
      lines: settledStatement.lines,
    })
    .from(settledSession)
    .innerJoin(
      settledReceipt,
      and(
        eq(settledReceipt.session, settledSession.session),
        eq(settledReceipt.sequence, settledSession.sequence),
      ),
    )
    .leftJoin(settledStatement, eq(settledStatement.cid, settledReceipt.statement))
    .where(or(eq(settledSession.session, order), eq(settledSession.orderCid, order)))
    .orderBy(isNull(settledSession.signedOrder), asc(settledSession.session))
    .limit(1)
  if (row === undefined) return undefined
  const { receipt, statement, signed, lines } = row
  return statement === null || signed === null || lines === null
    ? { record: receipt, statement: undefined }
    : { record: statement, statement: { signed, lines, order } }
}
