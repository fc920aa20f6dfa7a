import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { type BookingMark, nextBatch } from '../receipts/booking-order.ts'
import { ADD_TO_SUMS, GATEWAY_OF } from './add-to-sums.ts'

/** Receipts that one transaction takes: a fifth of a second or so, in which nobody else's rows are locked. */
const RECEIPTS_MAX = 10_000

export interface RollUp {
  /** Receipts that were taken; 0 when there was nothing new. */
  readonly receipts: number
  /** Whether more may wait. */
  readonly more: boolean
}

/**
 * Facts and rollups in one statement. What a session adds is the difference to its fact, so taking a receipt twice adds
 * nothing. Who spends is what was known when the fact was made, by the authorization and by what the consumer's node said of
 * the session; what is added later goes to the same, and what is said later moves it (`take-notes.ts`).
 */
const ROLL_UP = `
with session as materialized (
  select distinct session from (
    select session from settled_receipt
    where (booked_by, session, sequence) > ({booked_by}, {session}, {sequence})
      and (booked_by, session, sequence) <= ({to_booked_by}, {to_session}, {to_sequence})) r),
fact as materialized (
  select coalesce(s.organization, '') as organization, s.session, s.accepted_at as at, s.provider, s.model,
    coalesce(u.country, p.country, '') as country, coalesce(u.spender, n.spender, a.spender, 0) as spender,
    ${GATEWAY_OF},
    s.input_tokens, s.cached_input_tokens, s.output_tokens, s.amount, s.fee,
    u.session is null as is_new, coalesce(u.input_tokens, 0) as old_input_tokens,
    coalesce(u.cached_input_tokens, 0) as old_cached_input_tokens,
    coalesce(u.output_tokens, 0) as old_output_tokens, coalesce(u.amount, 0) as old_amount,
    coalesce(u.fee, 0) as old_fee
  from session c
  join settled_session s on s.session = c.session
  left join provider p on p.peer_id = s.provider
  left join spend_authorization a on a.serial = s.authorization_serial
  left join session_note n on n.organization = s.organization and n.session = s.session
  left join usage u on u.organization = coalesce(s.organization, '') and u.session = s.session
    and u.at = s.accepted_at
  where s.accepted_at >= {kept_from}),
written as (
  insert into usage (organization, session, at, provider, model, country, spender, input_tokens, cached_input_tokens,
    output_tokens, amount, fee)
  select organization, session, at, provider, model, country, spender, input_tokens, cached_input_tokens,
    output_tokens, amount, fee
  from fact order by organization, session
  on conflict (organization, session, at) do update set input_tokens = excluded.input_tokens,
    cached_input_tokens = excluded.cached_input_tokens, output_tokens = excluded.output_tokens,
    amount = excluded.amount, fee = excluded.fee),
change as materialized (
  select organization, at, provider, model, country, spender, gateway, attributed, is_new::int4 as sessions,
    input_tokens - old_input_tokens as input_tokens,
    cached_input_tokens - old_cached_input_tokens as cached_input_tokens,
    output_tokens - old_output_tokens as output_tokens, amount - old_amount as amount, fee - old_fee as fee
  from fact
  where is_new or (input_tokens, cached_input_tokens, output_tokens, amount, fee)
    <> (old_input_tokens, old_cached_input_tokens, old_output_tokens, old_amount, old_fee)),
${ADD_TO_SUMS}`

/**
 * Rolls up what was booked since the last time, at most so much of it as one transaction should take.
 *
 * It is not part of booking, because the sums of an organization are rows that all of its batches would wait for, and
 * because they cost more than the booking: some 8 ms for a thousand receipts, for each of four dimensions, by the hour and
 * the day, half of all that once more for who spent, where it is known, and less again for gateways. What booking pays instead is a number in each receipt with its index, too little to be told from the noise of a
 * measurement.
 *
 * A receipt carries the id of the transaction that booked it, and only those below the oldest one that still runs are
 * taken: no transaction that commits late is passed over, whatever the clocks of the processes say. Of processes that
 * roll up at once, the second waits for the first.
 */
export function rollUpUsage(db: Database, receiptsMax = RECEIPTS_MAX): Promise<RollUp> {
  return transact(db, async (tx) => {
    const [mark] = await rows<BookingMark & { kept_from: string; horizon: string; xmax: string }>(
      tx,
      sql`select booked_by::text, session, sequence::text, kept_from::text,
        pg_snapshot_xmin(pg_current_snapshot())::text as horizon,
        pg_snapshot_xmax(pg_current_snapshot())::text as xmax from usage_mark for update`,
    )
    if (mark === undefined) throw new Error('usage_mark has no row')
    if (BigInt(mark.booked_by) > BigInt(mark.xmax)) await adopt(tx, mark)
    const last = await nextBatch(tx, mark, receiptsMax)
    if (last === undefined) return { receipts: 0, more: false }
    await tx.execute(fill(ROLL_UP, mark, last))
    await tx.execute(sql`update usage_mark set booked_by = ${last.booked_by}::int8,
      session = ${last.session}, sequence = ${last.sequence}::int8`)
    return { receipts: last.receipts, more: last.receipts === receiptsMax }
  })
}

/** A database that was copied from another server counts its transactions from elsewhere: all is taken once more. */
async function adopt(tx: Database, mark: { booked_by: string; session: string; sequence: string }) {
  await tx.execute(sql`update settled_receipt set booked_by = 0 where booked_by <> 0`)
  Object.assign(mark, { booked_by: '-1', session: '', sequence: '0' })
}

function fill(statement: string, mark: BookingMark & { kept_from: string }, last: BookingMark) {
  const values: Record<string, ReturnType<typeof sql>> = {
    booked_by: sql`${mark.booked_by}::int8`,
    session: sql`${mark.session}::text`,
    sequence: sql`${mark.sequence}::int8`,
    to_booked_by: sql`${last.booked_by}::int8`,
    to_session: sql`${last.session}::text`,
    to_sequence: sql`${last.sequence}::int8`,
    kept_from: sql`${mark.kept_from}::timestamptz`,
  }
  const parts = statement.split(/\{(\w+)\}/u)
  return sql.join(parts.map((part, i) => (i % 2 === 0 ? sql.raw(part) : (values[part] ?? sql``))))
}
