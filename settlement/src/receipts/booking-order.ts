import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'

/**
 * A receipt's place in the order of the transactions that booked them: how far somebody has read, who sums up what was
 * settled. Numbers as digits.
 */
export interface BookingMark {
  readonly booked_by: string
  readonly session: string
  readonly sequence: string
}

/** A batch of receipts, by the last of them. */
export interface BookingBatch extends BookingMark {
  readonly receipts: number
}

export const placeOf = ({ booked_by, session, sequence }: BookingMark): SQL =>
  sql`(${booked_by}::int8, ${session}::text, ${sequence}::int8)`

/** Whether a row of `settled_receipt` comes after it. */
export const isAfter = (mark: BookingMark): SQL =>
  sql`(booked_by, session, sequence) > ${placeOf(mark)}`

/** The next receipts after a mark, of those below `horizon`, the oldest transaction that still runs: nobody commits late there. */
export async function nextBatch(
  tx: Database,
  mark: BookingMark & { readonly horizon: string },
  receiptsMax: number,
): Promise<BookingBatch | undefined> {
  const [last] = await rows<BookingBatch>(
    tx,
    sql`select booked_by::text, session, sequence::text, place::int4 as receipts from (
        select booked_by, session, sequence, row_number() over (order by booked_by, session, sequence) as place
        from settled_receipt
        where booked_by >= ${mark.booked_by}::int8 and ${isAfter(mark)}
          and booked_by < ${mark.horizon}::int8
        order by booked_by, session, sequence limit ${receiptsMax}) r
      order by place desc limit 1`,
  )
  return last
}
