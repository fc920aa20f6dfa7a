import type { FinalReason } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { recordset, textArray } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { type BookingMark, isAfter, nextBatch, placeOf } from '../receipts/booking-order.ts'
import type { Cell, CellCounts } from './cells.ts'
import { PACE_COLUMNS } from './columns.ts'
import { type Tally, tally } from './tally.ts'

/** Some milliseconds of reading receipts, between which other work is done. */
const RECEIPTS_MAX = 2_000

export interface Measuring {
  /** Receipts that were taken; 0 when there was nothing new. */
  readonly receipts: number
  /** Whether more may wait. */
  readonly more: boolean
}

/**
 * Counts how the sessions went that were booked since the last time, in the order of the transactions that booked them, as
 * the roll-up of usage does and for its reasons. Its mark is its own, so that it begins with what was settled before there
 * was any measurement. Of processes that count at once, the second waits for the first.
 *
 * A session is read as it is now. It counts with the first of its receipts that is taken, as what it is by then; later ones
 * find it counted, unless it had no last word yet.
 */
export function measureServices(db: Database, receiptsMax = RECEIPTS_MAX): Promise<Measuring> {
  return transact(db, async (tx) => {
    const mark = await lockMark(tx)
    const last = await nextBatch(tx, mark, receiptsMax)
    if (last === undefined) return { receipts: 0, more: false }
    const counted = tally(await touchedBy(tx, mark, last))
    await addCells(tx, counted.cells)
    await keepCut(tx, counted)
    await setMark(tx, last)
    return { receipts: last.receipts, more: last.receipts === receiptsMax }
  })
}

async function lockMark(tx: Database): Promise<BookingMark & { horizon: string }> {
  const [mark] = await rows<BookingMark & { horizon: string; elsewhere: boolean }>(
    tx,
    sql`select m.booked_by::text, m.session, m.sequence::text,
        pg_snapshot_xmin(pg_current_snapshot())::text as horizon,
        greatest(m.booked_by, u.booked_by) > pg_snapshot_xmax(pg_current_snapshot())::text::int8 as elsewhere
      from service_mark m cross join usage_mark u for update of m`,
  )
  if (mark === undefined) throw new Error('service_mark has no row')
  return mark.elsewhere ? { ...(await startOver(tx)), horizon: mark.horizon } : mark
}

/** A database that was copied from another server counts its transactions from elsewhere: all is counted once more. */
async function startOver(tx: Database): Promise<BookingMark> {
  const start = { booked_by: '-1', session: '', sequence: '0' }
  await tx.execute(sql`delete from service_hour`)
  await tx.execute(sql`delete from service_cut`)
  await setMark(tx, start)
  return start
}

async function setMark(tx: Database, { booked_by, session, sequence }: BookingMark): Promise<void> {
  await tx.execute(sql`update service_mark set booked_by = ${booked_by}::int8, session = ${session},
    sequence = ${sequence}::int8`)
}

/** Sessions that nobody here pays for are measured by nobody here. */
async function touchedBy(tx: Database, mark: BookingMark, last: BookingMark) {
  const found = await rows<StoredTouched>(
    tx,
    sql`select s.session, s.organization, s.provider, s.model, s.final, s.output_tokens::text as output_tokens,
        (extract(epoch from s.accepted_at) * 1000)::float8 as accepted_at,
        (extract(epoch from date_trunc('hour', s.accepted_at, 'UTC')) * 1000)::float8 as hour,
        encode(r.signed, 'base64') as signed, t.duration_ms::float8 as duration_ms, c.session is not null as was_cut,
        exists (select from settled_receipt e where e.session = s.session
          and (e.booked_by, e.session, e.sequence) <= ${placeOf(mark)}) as known
      from (select distinct session from settled_receipt
        where ${isAfter(mark)} and (booked_by, session, sequence) <= ${placeOf(last)}) n
      join settled_session s on s.session = n.session
      left join service_cut c on c.session = s.session
      left join service_timing t on t.session = s.session
      left join settled_receipt r on r.session = s.session and r.sequence = s.sequence
        and s.final is not null and s.statement is null
      where s.organization is not null`,
  )
  return found.map(
    ({ accepted_at, duration_ms, output_tokens, signed, was_cut, known, ...row }) => ({
      ...row,
      acceptedAt: accepted_at,
      durationMs: duration_ms,
      outputTokens: BigInt(output_tokens),
      signed: signed === null ? null : Uint8Array.from(Buffer.from(signed, 'base64')),
      before: was_cut ? ('cut' as const) : known ? ('known' as const) : undefined,
    }),
  )
}

interface StoredTouched extends Cell {
  readonly session: string
  readonly final: FinalReason | null
  readonly output_tokens: string
  readonly accepted_at: number
  readonly duration_ms: number | null
  readonly signed: string | null
  readonly was_cut: boolean
  readonly known: boolean
}

const COUNTS = ['good', 'failed', 'ended', 'cut', ...PACE_COLUMNS]
const AS = `x(organization text, provider text, model text, hour timestamptz, ${COUNTS.map((name) => `${name} int8`).join(', ')})`

/** In one order, so that two who add cannot deadlock. */
export async function addCells(tx: Database, cells: readonly CellCounts[]): Promise<void> {
  if (cells.length === 0) return
  const list = cells.map(({ paces, hour, ...cell }) => ({
    ...cell,
    hour: new Date(hour).toISOString(),
    ...Object.fromEntries(PACE_COLUMNS.map((name, i) => [name, paces[i] ?? 0])),
  }))
  const columns = sql.raw(`organization, provider, model, hour, ${COUNTS.join(', ')}`)
  const added = COUNTS.map((name) => `${name} = service_hour.${name} + excluded.${name}`)
  await tx.execute(
    sql`insert into service_hour (${columns}) select ${columns} from ${recordset(list, AS)}
      order by organization, hour, provider, model
      on conflict (organization, hour, provider, model) do update set ${sql.raw(added.join(', '))}`,
  )
}

async function keepCut(tx: Database, { cut, mended }: Tally): Promise<void> {
  if (cut.length > 0) {
    await tx.execute(
      sql`insert into service_cut (session) select unnest(${textArray(cut)}) on conflict do nothing`,
    )
  }
  if (mended.length > 0) {
    await tx.execute(sql`delete from service_cut where session = any(${textArray(mended)})`)
  }
}
