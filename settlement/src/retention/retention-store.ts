import { randomUUID } from 'node:crypto'
import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { PLATFORM } from '../log/log-fact.ts'
import { writeEvents } from '../log/write-events.ts'
import { RETENTION_CLASSES } from './classes.ts'
import { type HoldScope, isHeld, type LegalHold } from './legal-hold.ts'
import { type AgeRule, isAgeRule } from './rule.ts'

/** Counting goes no further: that there are more is all that anybody needs to know. */
export const COUNT_MAX = 100_000

/** One table of one class, and the instant before which its rows go. */
export interface AgedTable {
  readonly className: string
  readonly table: string
  /** Milliseconds since 1970. */
  readonly before: number
}

export interface TableState {
  /** Rows that are old enough and that nothing holds, at most `COUNT_MAX`. */
  readonly due: number
  /** Rows that are old enough and held, at most `COUNT_MAX`. */
  readonly held: number
  /** The oldest row that is there, milliseconds since 1970. */
  readonly oldest: number | null
}

export interface RetentionRun {
  readonly id: bigint
  readonly askedBy: string
  readonly startedAt: number
  /** null while it runs, and of one that was cut off. */
  readonly endedAt: number | null
  readonly report: readonly TableReport[]
}

/** What a run did to one table. */
export interface TableReport extends AgedTable, TableState {
  readonly removed: number
}

export function retentionStore(db: Database) {
  return {
    /**
     * Removes rows of one table that are old enough and that nothing holds.
     *
     * @param limit rows at most
     * @returns how many went; fewer than the limit when no more are due
     */
    removeAged: (given: AgedTable, limit: number): Promise<number> =>
      transact(db, (tx) => removeAged(tx, given, limit)),

    agedTable: (given: AgedTable): Promise<TableState> => stateOf(db, given),

    /** The oldest single request, and how many are older than this and wait for their month to end. */
    agedUsage: async (before: number): Promise<TableState> => {
      const [found] = await rows<{ due: number; oldest: string | null }>(
        db,
        sql`select (select count(*)::int4 from (select from usage where at < ${iso(before)} limit ${COUNT_MAX}) x) as due,
          (select ${millis('min(at)')} from usage) as oldest`,
      )
      return { due: found?.due ?? 0, held: 0, oldest: toNumber(found?.oldest) }
    },

    /** Whether anything holds single requests: months are dropped whole, so one hold holds them all. */
    isUsageHeld: async (): Promise<boolean> => {
      const found = await rows(
        db,
        sql`select from legal_hold where released_at is null
          and (scope <> 'class' or subject = 'request-metadata') limit 1`,
      )
      return found.length > 0
    },

    beginRetention: async (askedBy: string, at: number): Promise<bigint> => {
      const [row] = await rows<{ id: string }>(
        db,
        sql`insert into retention_run (asked_by, started_at) values (${askedBy}, ${iso(at)}) returning id::text`,
      )
      return BigInt(row?.id ?? 0)
    },

    /** Of what was removed the log tells, in the same transaction. */
    endRetention: (id: bigint, report: readonly TableReport[], at: number): Promise<void> =>
      transact(db, async (tx) => {
        await tx.execute(sql`update retention_run set ended_at = ${iso(at)}, report = ${JSON.stringify(report)}::jsonb
          where id = ${id.toString()}::int8`)
        const gone = report.filter(({ removed }) => removed > 0)
        if (gone.length === 0) return
        const tables = gone.map(({ table, removed }) => `${table}: ${removed}`)
        const details = { run: id, tables }
        await writeEvents(tx, [{ kind: 'retention', record: null, owner: PLATFORM, details }], at)
      }),

    /** Newest first. */
    retentionRuns: async (limit: number): Promise<RetentionRun[]> => {
      const found = await rows<RunRow>(
        db,
        sql`select id::text, asked_by as "askedBy", ${millis('started_at')} as "startedAt",
            ${millis('ended_at')} as "endedAt", report
          from retention_run order by retention_run.id desc limit ${limit}`,
      )
      return found.map((row) => ({
        ...row,
        id: BigInt(row.id),
        startedAt: Number(row.startedAt),
        endedAt: toNumber(row.endedAt),
      }))
    },

    /** One that stands already stays as it is. */
    placeLegalHold: async (given: {
      readonly scope: HoldScope
      readonly subject: string
      readonly reason: string
      readonly by: string
      readonly at: number
    }): Promise<LegalHold> => {
      const { scope, subject, reason, by, at } = given
      await db.execute(sql`insert into legal_hold (id, scope, subject, reason, placed_by, placed_at)
        values (${`lh_${randomUUID()}`}, ${scope}, ${subject}, ${reason}, ${by}, ${iso(at)})
        on conflict (scope, subject) where released_at is null do nothing`)
      const [row] = await holds(
        db,
        sql`released_at is null and scope = ${scope} and subject = ${subject}`,
        1,
      )
      if (row === undefined) throw new SettlementError('HANSE_INTERNAL', 'hold not stored')
      return row
    },

    /** @throws {SettlementError} HANSE_NOT_FOUND when there is none that stands */
    releaseLegalHold: async (id: string, by: string, at: number): Promise<LegalHold> => {
      const released = await rows(
        db,
        sql`update legal_hold set released_by = ${by}, released_at = ${iso(at)}
          where id = ${id} and released_at is null returning id`,
      )
      const [row] = released.length === 0 ? [] : await holds(db, sql`id = ${id}`, 1)
      if (row === undefined) throw new SettlementError('HANSE_NOT_FOUND', `no legal hold ${id}`)
      return row
    },

    /** Newest first. */
    legalHolds: (open: boolean, limit: number): Promise<LegalHold[]> =>
      holds(db, open ? sql`released_at is null` : sql`true`, limit),

    /** Every table that there is, for the test that each has a class. */
    tableNames: async (): Promise<string[]> => {
      const found = await rows<{ name: string }>(
        db,
        sql`select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace
          and c.relkind in ('r', 'p') and not c.relispartition and c.relname <> 'migration' order by 1`,
      )
      return found.map(({ name }) => name)
    },
  }
}

interface RunRow {
  readonly id: string
  readonly askedBy: string
  readonly startedAt: string
  readonly endedAt: string | null
  readonly report: readonly TableReport[]
}

type HoldRow = Omit<LegalHold, 'placedAt' | 'releasedAt'> & {
  readonly placedAt: string
  readonly releasedAt: string | null
}

function ruleOf({ className, table }: AgedTable): AgeRule {
  const rule = RETENTION_CLASSES.find(({ name }) => name === className)
    ?.tables.filter(isAgeRule)
    .find((one) => one.table === table)
  if (rule === undefined) throw new Error(`${className} has no ${table} that ages`)
  return rule
}

async function removeAged(tx: Database, given: AgedTable, limit: number): Promise<number> {
  const rule = ruleOf(given)
  // What is only ever added to lets rows go that are older than this, in this transaction.
  await tx.execute(
    sql`select set_config('hanse.retention_before', ${new Date(given.before).toISOString()}, true)`,
  )
  const table = sql.identifier(rule.table)
  const removed = await rows<{ n: number }>(
    tx,
    sql`with gone as (delete from ${table} where ctid = any(array(
        select t.ctid from ${table} t where ${isDue(given, rule)}
          and not ${isHeld(given.className, rule)} order by ${sql.raw(rule.at)} limit ${limit})) returning 1)
      select count(*)::int4 as n from gone`,
  )
  return removed[0]?.n ?? 0
}

async function stateOf(db: Database, given: AgedTable): Promise<TableState> {
  const rule = ruleOf(given)
  const table = sql.identifier(rule.table)
  const held = isHeld(given.className, rule)
  const [found] = await rows<{ due: number; held: number; oldest: string | null }>(
    db,
    sql`select count(*) filter (where not x.held)::int4 as due, count(*) filter (where x.held)::int4 as held,
        (select ${millis(`min(${rule.at})`)} from ${table} t) as oldest
      from (select ${held} as held from ${table} t where ${isDue(given, rule)} limit ${COUNT_MAX}) x`,
  )
  return { due: found?.due ?? 0, held: found?.held ?? 0, oldest: toNumber(found?.oldest) }
}

function isDue({ before }: AgedTable, rule: AgeRule) {
  const edge = iso(before)
  const more = rule.where === undefined ? sql`true` : rule.where(edge)
  return sql`${sql.raw(rule.at)} < ${edge} and (${more})`
}

async function holds(
  db: Database,
  where: ReturnType<typeof sql>,
  limit: number,
): Promise<LegalHold[]> {
  const found = await rows<HoldRow>(
    db,
    sql`select id, scope, subject, reason, placed_by as "placedBy", ${millis('placed_at')} as "placedAt",
        released_by as "releasedBy", ${millis('released_at')} as "releasedAt"
      from legal_hold where ${where} order by legal_hold.placed_at desc, id desc limit ${limit}`,
  )
  return found.map((row) => ({
    ...row,
    placedAt: Number(row.placedAt),
    releasedAt: toNumber(row.releasedAt),
  }))
}

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`

const millis = (expression: string) =>
  sql.raw(`(extract(epoch from ${expression}) * 1000)::int8::text`)

const toNumber = (text: string | null | undefined): number | null =>
  text === null || text === undefined ? null : Number(text)
