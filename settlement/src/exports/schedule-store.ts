import { randomUUID } from 'node:crypto'
import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { sealTarget } from '../notifications/sealed-target.ts'
import { type Every, periodOf, periodsDue, SETTLE_MS } from './period.ts'
import { type ExportSchedule, hintOf, SCHEDULES_MAX } from './schedule.ts'

export type NewSchedule = Omit<ExportSchedule, 'target' | 'createdAt'> & {
  readonly organization: string
  /** Where files are put; null where they are only kept here. */
  readonly address: string | null
  readonly at: number
}

/** Of one schedule in one pass: a service that was away for a month catches up in a few minutes. */
const PERIODS_AT_ONCE = 31

export function scheduleStore(db: Database) {
  return {
    /** Its first file is of the period that it is made in. @throws {SettlementError} HANSE_EXPORT_LIMIT */
    addExportSchedule: (given: NewSchedule): Promise<ExportSchedule> =>
      transact(db, (tx) => add(tx, given)),

    /** Oldest first. */
    exportSchedules: async (organization: string): Promise<ExportSchedule[]> =>
      (
        await rows<StoredSchedule>(
          db,
          sql`select ${COLUMNS} from export_schedule s
            where organization = ${organization} and removed_at is null order by s.created_at, s.id`,
        )
      ).map(toSchedule),

    /** For files from now on, and those that wait. @returns whether there is such a schedule */
    setExportTarget: (
      organization: string,
      id: string,
      address: string | null,
      at: number,
    ): Promise<boolean> =>
      transact(db, async (tx) => {
        const { sealed, hint } = await seal(tx, organization, address, at)
        const updated = await rows(
          tx,
          sql`update export_schedule set sealed = ${sealed}, hint = ${hint}
            where id = ${id} and organization = ${organization} and removed_at is null returning id`,
        )
        return updated.length > 0
      }),

    /** Its files stay until their time is over. @returns whether there was one */
    removeExportSchedule: (organization: string, id: string, at: number): Promise<boolean> =>
      transact(db, async (tx) => {
        const removed = await rows(
          tx,
          sql`update export_schedule set removed_at = ${timeOf(at)}, sealed = null
            where id = ${id} and organization = ${organization} and removed_at is null returning id`,
        )
        await tx.execute(
          sql`update export_run set state = 'failed', failure = 'the schedule was removed', ended_at = ${timeOf(at)},
              leased_until = null
            where schedule = ${id} and organization = ${organization} and state = 'waiting'`,
        )
        return removed.length > 0
      }),

    /** Makes the runs of all periods whose time has come, each once. @returns how many */
    planExports: (now: number): Promise<number> => transact(db, (tx) => plan(tx, now)),
  }
}

interface StoredSchedule extends Omit<ExportSchedule, 'createdAt'> {
  readonly createdAt: string
}

const COLUMNS = sql`s.id, s.name, s.content, s.format, s.every, s.keep_days::int4 as "keepDays", s.hint as target,
  s.created_by as "createdBy", (extract(epoch from s.created_at) * 1000)::int8::text as "createdAt"`

/** With the organization locked, so that many at once do not each find the last place free. */
async function add(tx: Database, given: NewSchedule): Promise<ExportSchedule> {
  const { organization, address, at, id, name, content, format, every, keepDays, createdBy } = given
  await tx.execute(sql`select from organization where id = ${organization} for no key update`)
  const [count] = await rows<{ n: number }>(
    tx,
    sql`select count(*)::int4 as n from export_schedule
      where organization = ${organization} and removed_at is null`,
  )
  if ((count?.n ?? 0) >= SCHEDULES_MAX) {
    throw new SettlementError(
      'HANSE_EXPORT_LIMIT',
      `an organization has ${SCHEDULES_MAX} schedules`,
    )
  }
  const { sealed, hint } = await seal(tx, organization, address, at)
  const [row] = await rows<StoredSchedule>(
    tx,
    sql`insert into export_schedule as s (id, organization, name, content, format, every, keep_days, sealed, hint,
        planned_to, created_by, created_at)
      values (${id}, ${organization}, ${name}, ${content}, ${format}, ${every}, ${keepDays}::int4, ${sealed}, ${hint},
        ${timeOf(periodOf(every, at).from)}, ${createdBy}, ${timeOf(at)})
      returning ${COLUMNS}`,
  )
  if (row === undefined) throw new Error('an insert returns its row')
  return toSchedule(row)
}

async function seal(tx: Database, organization: string, address: string | null, at: number) {
  if (address === null) return { sealed: sql`null`, hint: sql`null` }
  const sealed = await sealTarget(tx, organization, { address, secret: '' }, at)
  return { sealed: sql`decode(${sealed}, 'base64')`, hint: sql`${hintOf(address)}` }
}

async function plan(tx: Database, now: number): Promise<number> {
  const schedules = await rows<{ id: string; organization: string; every: Every; planned: string }>(
    tx,
    sql`select id, organization, every, (extract(epoch from planned_to) * 1000)::int8::text as planned
      from export_schedule where removed_at is null
        and (planned_to at time zone 'UTC' + ('1 ' || every)::interval) at time zone 'UTC' <= ${timeOf(now - SETTLE_MS)}
      order by id for update skip locked`,
  )
  let made = 0
  for (const { id, organization, every, planned } of schedules) {
    const due = periodsDue(every, Number(planned), now, PERIODS_AT_ONCE)
    for (const { from, to } of due) {
      await tx.execute(
        sql`insert into export_run (id, schedule, organization, period_from, period_to, state, due_at, created_at)
          values (${`exr_${randomUUID()}`}, ${id}, ${organization}, ${timeOf(from)}, ${timeOf(to)}, 'waiting',
            ${timeOf(now)}, ${timeOf(now)}) on conflict do nothing`,
      )
    }
    const last = due.at(-1)
    if (last === undefined) continue
    await tx.execute(
      sql`update export_schedule set planned_to = ${timeOf(last.to)} where id = ${id}`,
    )
    made += due.length
  }
  return made
}

const toSchedule = ({ createdAt, ...row }: StoredSchedule): ExportSchedule => ({
  ...row,
  createdAt: Number(createdAt),
})

const timeOf = (at: number): SQL => sql`${new Date(at).toISOString()}::timestamptz`
