import { randomUUID } from 'node:crypto'
import { PICO_PER_CENT } from '@hanse/protocol'
import { and, desc, eq, lt, ne, sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { reconciliation, reconciliationDifference } from '../db/schema.ts'
import { olderThan, type TimeCursor } from '../db/time-cursor.ts'
import { SettlementError } from '../errors.ts'
import { CLEARING } from '../ledger/accounts.ts'
import { emitEvents } from '../notifications/emit.ts'
import { SYSTEM } from '../operators/operator.ts'
import {
  BALANCE,
  DIFFERENCES_MAX,
  type FoundDifference,
  findDifferences,
} from './find-differences.ts'

export interface ReconciliationRow {
  readonly id: string
  readonly whole: boolean
  /** Movements since then were looked at, milliseconds since 1970. */
  readonly since: number
  readonly until: number
  readonly askedBy: string
  readonly startedAt: number
  readonly finishedAt: number
  readonly movements: number
  /** Differences that somebody must look at, of this run and of before. */
  readonly open: number
  readonly explained: number
  /** What the ledger and Stripe say that the platform has at Stripe, cents. */
  readonly ledgerCents: bigint
  readonly stripeCents: bigint
  /** Whether all movements were compared with Stripe's balance: not while money moved all the time. */
  readonly balanceCompared: boolean
}

export interface Difference extends Omit<FoundDifference, 'state' | 'reason'> {
  readonly id: string
  readonly reason: string
  readonly state: 'open' | 'explained' | 'resolved'
  readonly note: string | null
  readonly resolvedBy: string | null
  /** Reconciliations. */
  readonly firstSeen: string
  readonly lastSeen: string
  readonly at: number
  readonly updatedAt: number
}

type Done = Pick<
  ReconciliationRow,
  | 'whole'
  | 'since'
  | 'until'
  | 'askedBy'
  | 'startedAt'
  | 'movements'
  | 'stripeCents'
  | 'balanceCompared'
>

export function reconciliationStore(db: Database) {
  return {
    findDifferences: (sinceMs: number, at: number): Promise<FoundDifference[]> =>
      findDifferences(db, sinceMs, at),

    /** Keeps a run and what it found; what it looked for and did not find any more is resolved. */
    recordReconciliation: (
      done: Done,
      found: readonly FoundDifference[],
      at: number,
    ): Promise<ReconciliationRow> => transact(db, (tx) => record(tx, done, found, at)),

    /** Newest first. */
    reconciliations: async (query: {
      readonly limit: number
      readonly before?: number
    }): Promise<ReconciliationRow[]> =>
      (
        await db
          .select()
          .from(reconciliation)
          .where(
            query.before === undefined
              ? undefined
              : lt(reconciliation.finishedAt, new Date(query.before)),
          )
          .orderBy(desc(reconciliation.finishedAt), desc(reconciliation.id))
          .limit(query.limit)
      ).map(toReconciliation),

    /** Newest first. */
    differences: async (query: {
      readonly limit: number
      /** Only those that are not resolved. */
      readonly outstanding: boolean
      readonly before?: TimeCursor
    }): Promise<Difference[]> =>
      (
        await db
          .select()
          .from(reconciliationDifference)
          .where(
            and(
              query.outstanding ? ne(reconciliationDifference.state, 'resolved') : undefined,
              olderThan(reconciliationDifference, query.before),
            ),
          )
          .orderBy(desc(reconciliationDifference.at), desc(reconciliationDifference.id))
          .limit(query.limit)
      ).map(toDifference),

    difference: async (id: string): Promise<Difference | undefined> => {
      const [row] = await db
        .select()
        .from(reconciliationDifference)
        .where(eq(reconciliationDifference.id, id))
      return row && toDifference(row)
    },

    /** Somebody has looked at it; should its amounts change, it is open again. @throws {SettlementError} HANSE_NOT_FOUND */
    resolveDifference: async (
      id: string,
      note: string,
      by: string,
      at: number,
    ): Promise<Difference> => {
      const [row] = await db
        .update(reconciliationDifference)
        .set({ state: 'resolved', note, resolvedBy: by, updatedAt: new Date(at) })
        .where(
          and(eq(reconciliationDifference.id, id), ne(reconciliationDifference.state, 'resolved')),
        )
        .returning()
      if (row === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such difference')
      return toDifference(row)
    },
  }
}

/** A report of the ledger's check with as many differences as this may not be all of them. */
const LEDGER_DIFFERENCES_MAX = 100

async function record(
  tx: Database,
  done: Done,
  found: readonly FoundDifference[],
  at: number,
): Promise<ReconciliationRow> {
  const id = `rc-${randomUUID()}`
  const [clearing] = await rows<{ cents: string }>(
    tx,
    sql`select floor((debits - credits) / ${PICO_PER_CENT.toString()}::numeric)::text as cents
      from ledger_balance where account = ${CLEARING}`,
  )
  const [row] = await tx
    .insert(reconciliation)
    .values({
      ...done,
      id,
      since: new Date(done.since),
      until: new Date(done.until),
      startedAt: new Date(done.startedAt),
      finishedAt: new Date(at),
      open: 0,
      explained: 0,
      ledgerCents: BigInt(clearing?.cents ?? 0),
    })
    .returning()
  const time = new Date(at).toISOString()
  // A check may say the same of one subject twice; a row is kept once.
  const once = new Map(found.map((one) => [`${one.side} ${one.subject}`, one]))
  const list = [...once.values()].map((one) => ({ id: `rd-${randomUUID()}`, ...one }))
  await tx.execute(
    sql`insert into reconciliation_difference as d (id, side, subject, expected, actual, reason, state, first_seen,
        last_seen, at, updated_at)
      select x.id, x.side, x.subject, x.expected, x.actual, x.reason, x.state, ${id}, ${id}, ${time}::timestamptz,
        ${time}::timestamptz
      from ${recordset(list, 'x(id text, side text, subject text, expected text, actual text, reason text, state text)')}
      on conflict (side, subject) do update set expected = excluded.expected, actual = excluded.actual,
        reason = excluded.reason, last_seen = excluded.last_seen, updated_at = excluded.updated_at,
        state = case when d.state = 'resolved' and d.resolved_by <> ${SYSTEM.id}
          and d.expected = excluded.expected and d.actual = excluded.actual then 'resolved' else excluded.state end`,
  )
  await resolveRest(tx, id, done, found, time)
  const [counted] = await tx
    .update(reconciliation)
    .set({
      open: sql`(select count(*) from reconciliation_difference where state = 'open')`,
      explained: sql`(select count(*) from reconciliation_difference where state = 'explained')`,
    })
    .where(eq(reconciliation.id, id))
    .returning()
  await tellOpen(tx, found, at)
  return toReconciliation(counted ?? row)
}

/** Once for each difference as it is: what nobody has looked at is not told every day, but a change of it is. */
async function tellOpen(
  tx: Database,
  found: readonly FoundDifference[],
  at: number,
): Promise<void> {
  const events = found
    .filter(({ state }) => state === 'open')
    .map(({ side, subject, expected, actual, reason }) => ({
      organization: null,
      kind: 'reconciliation.difference' as const,
      subject,
      cause: `${side} ${expected} ${actual} ${subject}`,
      facts: { side, expected, actual, reason },
    }))
  await emitEvents(tx, events, at)
}

/**
 * What was found no more is resolved: only where the list is whole, the balance only when it was compared, and nothing that
 * another run, which read later than this one, has found meanwhile.
 */
async function resolveRest(
  tx: Database,
  id: string,
  { startedAt, balanceCompared }: Done,
  found: readonly FoundDifference[],
  time: string,
): Promise<void> {
  const ledger = found.filter(({ side }) => side === 'receipts-ledger').length
  const stripe = found.filter(
    ({ side, subject }) => side === 'ledger-stripe' && subject !== BALANCE,
  ).length
  const balance = sql`(side = 'ledger-stripe' and subject = ${BALANCE})`
  await tx.execute(
    sql`update reconciliation_difference set state = 'resolved', resolved_by = ${SYSTEM.id}, note = 'found no more',
        updated_at = ${time}::timestamptz
      where state <> 'resolved' and last_seen <> ${id}
        and updated_at <= ${new Date(startedAt).toISOString()}::timestamptz
        and case when ${balance} then ${balanceCompared}::boolean
          when side = 'ledger-stripe' then ${stripe < DIFFERENCES_MAX}::boolean
          else ${ledger < LEDGER_DIFFERENCES_MAX}::boolean end`,
  )
}

function toReconciliation(row: typeof reconciliation.$inferSelect | undefined): ReconciliationRow {
  if (row === undefined) throw new SettlementError('HANSE_INTERNAL', 'reconciliation not stored')
  return {
    ...row,
    since: row.since.getTime(),
    until: row.until.getTime(),
    startedAt: row.startedAt.getTime(),
    finishedAt: row.finishedAt.getTime(),
  }
}

const toDifference = (row: typeof reconciliationDifference.$inferSelect): Difference => ({
  ...row,
  at: row.at.getTime(),
  updatedAt: row.updatedAt.getTime(),
})
