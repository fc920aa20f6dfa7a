import type { FinalReason } from '@hanse/protocol'
import { sql } from 'drizzle-orm'
import { recordset, textArray } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { type Cell, Cells } from './cells.ts'
import { paceOf } from './pace.ts'
import { addCells } from './roll-up.ts'
import { standingOf } from './standing.ts'

/** A last receipt that a line of a Statement stands for. */
export interface ShownReceipt {
  /** CID of the order. */
  readonly session: string
  /** CID of the receipt: that of the line, or it is not believed. */
  readonly receipt: string
  /** From the acceptance to the receipt, milliseconds. */
  readonly durationMs: number
  /** As both sides signed it. */
  readonly signed: Uint8Array
}

export function timingStore(db: Database) {
  return {
    /**
     * Takes the times of sessions that came by Statements, which hold none. Each counts once, and only the receipt that both
     * sides stated; what is not the organization's is passed over.
     *
     * @returns the sessions whose times are known now, and were not before
     */
    timeSessions: (
      organization: string,
      shown: readonly ShownReceipt[],
      at: number,
    ): Promise<string[]> =>
      transact(db, async (tx) => {
        // Nothing is measured meanwhile: what is counted already is added here, the rest finds its time when it is counted.
        await tx.execute(sql`select from service_mark for update`)
        const taken = await insert(tx, organization, shown, at)
        await addTimes(tx, taken)
        return taken
      }),
  }
}

/** Adds the times of sessions that were without one to the counts that have them; nothing is measured meanwhile. */
export async function addTimes(tx: Database, sessions: readonly string[]): Promise<void> {
  const cells = new Cells()
  for (const { final, durationMs, outputTokens, ...cell } of await countedOf(tx, sessions)) {
    if (standingOf(final) === 'good') cells.addPace(cell, paceOf(durationMs, outputTokens))
  }
  await addCells(tx, cells.all)
}

async function insert(
  tx: Database,
  organization: string,
  shown: readonly ShownReceipt[],
  at: number,
): Promise<string[]> {
  const list = shown.map(({ session, receipt, durationMs, signed }) => ({
    session,
    receipt,
    durationMs,
    signed: Buffer.from(signed).toString('base64'),
  }))
  const taken = await rows<{ session: string }>(
    tx,
    sql`insert into service_timing (session, organization, signed, duration_ms, at)
      select distinct on (s.session) s.session, s.organization, decode(x.signed, 'base64'), x."durationMs",
        ${new Date(at).toISOString()}::timestamptz
      from ${recordset(list, 'x(session text, receipt text, "durationMs" int8, signed text)')}
      join settled_session s on s.session = x.session and s.receipt = x.receipt
      where s.organization = ${organization} and s.statement is not null
      order by s.session on conflict do nothing returning session`,
  )
  return taken.map(({ session }) => session)
}

interface Counted extends Cell {
  readonly final: FinalReason | null
  readonly outputTokens: bigint
  readonly durationMs: number
}

/** Those of the sessions that are in the counts; what is there as cut gets its time when it is counted as what it is now. */
async function countedOf(tx: Database, sessions: readonly string[]): Promise<Counted[]> {
  const found = await rows<Omit<Counted, 'outputTokens'> & { tokens: string }>(
    tx,
    sql`select s.organization, s.provider, s.model, s.final, s.output_tokens::text as tokens,
        (extract(epoch from date_trunc('hour', s.accepted_at, 'UTC')) * 1000)::float8 as hour,
        t.duration_ms::float8 as "durationMs"
      from service_timing t join settled_session s on s.session = t.session cross join service_mark m
      where t.session = any(${textArray(sessions)})
        and not exists (select from service_cut c where c.session = t.session) and exists (
        select from settled_receipt e where e.session = s.session
          and (e.booked_by, e.session, e.sequence) <= (m.booked_by, m.session, m.sequence))`,
  )
  return found.map(({ tokens, ...row }) => ({ ...row, outputTokens: BigInt(tokens) }))
}
