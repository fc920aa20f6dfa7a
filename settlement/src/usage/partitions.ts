import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'

/** Partitions that are there before they are needed: a job that stands still for two months is noticed. */
const MONTHS_AHEAD = 3
/** Sums stay for ever, and so do the settled sessions themselves; single facts are for looking into the last quarter. */
export const USAGE_KEPT_MS = 90 * 86_400_000
/** Nobody waits long for a table that others read. */
const LOCK_TIMEOUT_MS = 2_000

export interface UsagePartitions {
  readonly made: readonly string[]
  readonly dropped: readonly string[]
}

/**
 * Makes the partitions of this month and the next, and drops those whose every fact is older than is kept.
 *
 * @param keptMs null keeps all of them
 */
export function keepPartitions(
  db: Database,
  now: number,
  keptMs: number | null = USAGE_KEPT_MS,
): Promise<UsagePartitions> {
  return transact(db, async (tx) => {
    await tx.execute(sql.raw(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`))
    // The roll-up, which would write into what is dropped, holds this row while it works.
    await tx.execute(sql`select from usage_mark for update`)
    const present = await partitions(tx)
    const made: string[] = []
    for (const month of monthsFrom(now, MONTHS_AHEAD)) {
      if (present.includes(nameOf(month))) continue
      await make(tx, month)
      made.push(nameOf(month))
    }
    if (keptMs === null) return { made, dropped: [] }
    const edge = now - keptMs
    const dropped = present.filter((name) => endOf(name) <= edge)
    for (const name of dropped) await tx.execute(sql.raw(`drop table ${name}`))
    await forget(tx, present, dropped, edge)
    return { made, dropped }
  })
}

/** The names of the monthly partitions, the oldest first. */
async function partitions(tx: Database): Promise<string[]> {
  const found = await rows<{ name: string }>(
    tx,
    sql`select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'usage'::regclass and c.relname ~ '^usage_\\d{4}_\\d{2}$' order by 1`,
  )
  return found.map(({ name }) => name)
}

/** Facts that came before their partition was there move into it. */
async function make(tx: Database, month: Date): Promise<void> {
  const [from, to] = [month.toISOString(), nextMonth(month).toISOString()]
  const name = nameOf(month)
  for (const statement of [
    `create temporary table early_${name} on commit drop as
       select * from usage_default where at >= '${from}' and at < '${to}'`,
    `delete from usage_default where at >= '${from}' and at < '${to}'`,
    `create table ${name} partition of usage for values from ('${from}') to ('${to}')`,
    `insert into usage select * from early_${name}`,
  ]) {
    await tx.execute(sql.raw(statement))
  }
}

/** What has no partition of its own goes row by row; later receipts of what was dropped are not taken for new. */
async function forget(
  tx: Database,
  present: readonly string[],
  dropped: readonly string[],
  edge: number,
): Promise<void> {
  const kept = present.filter((name) => !dropped.includes(name)).map(startOf)
  const from = Math.min(edge, ...kept)
  const at = new Date(from).toISOString()
  await tx.execute(sql`delete from usage_default where at < ${at}::timestamptz`)
  await tx.execute(
    sql`update usage_mark set kept_from = ${at}::timestamptz where kept_from < ${at}::timestamptz`,
  )
}

function monthsFrom(now: number, ahead: number): Date[] {
  const at = new Date(now)
  return Array.from(
    { length: ahead + 1 },
    (_, i) => new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + i, 1)),
  )
}

const nextMonth = (month: Date): Date =>
  new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1, 1))

const nameOf = (month: Date): string => `usage_${month.toISOString().slice(0, 7).replace('-', '_')}`

const startOf = (name: string): number =>
  Date.parse(`${name.slice(6, 10)}-${name.slice(11, 13)}-01T00:00:00Z`)

const endOf = (name: string): number => nextMonth(new Date(startOf(name))).getTime()
