import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import type { Period } from './month.ts'
import { type MonthParty, receiptsOf } from './month-facts.ts'

/** One receipt behind a line of a statement. */
export interface LineReceipt {
  /** CID of the session's order: what a proof of the log is asked for by. */
  readonly order: string
  /** Key of the session in the books. */
  readonly session: string
  readonly sequence: bigint
  /** CID. */
  readonly receipt: string
  /** CID of the Statement that settled it, if one did. */
  readonly statement: string | null
  /** What it added, pico-euro. */
  readonly increase: bigint
  /** When it was booked, milliseconds since 1970. */
  readonly at: number
}

export interface LineQuery {
  readonly party: MonthParty
  readonly period: Period
  /** All models without it. */
  readonly model?: string
  /** Those after it in the order of session and sequence. */
  readonly after?: { readonly session: string; readonly sequence: bigint }
  readonly limit: number
}

export async function lineReceipts(db: Database, query: LineQuery): Promise<LineReceipt[]> {
  const { party, period, model, after, limit } = query
  const found = await rows<{
    order: string
    session: string
    sequence: string
    receipt: string
    statement: string | null
    increase: string
    at: string
  }>(
    db,
    sql`select coalesce(s.order_cid, s.session) as "order", s.session, r.sequence::text as sequence,
        r.cid as receipt, r.statement, r.increase::text as increase,
        (extract(epoch from r.at) * 1000)::int8::text as at
      from settled_session s join settled_receipt r on r.session = s.session
      where ${receiptsOf(party, period)}
        ${model === undefined ? sql`` : sql`and s.model = ${model}`}
        ${after === undefined ? sql`` : sql`and (s.session, r.sequence) > (${after.session}, ${after.sequence.toString()}::int8)`}
      order by s.session, r.sequence limit ${limit}`,
  )
  return found.map((row) => ({
    ...row,
    sequence: BigInt(row.sequence),
    increase: BigInt(row.increase),
    at: Number(row.at),
  }))
}
