import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { emitEvents } from '../notifications/emit.ts'
import { targetOpener } from '../notifications/sealed-target.ts'
import type { Period } from './period.ts'
import type { ExportContent, ExportFormat, ExportRun } from './schedule.ts'

/** A file that is to be made and delivered now, by whoever claimed it. */
export interface ClaimedRun extends Period {
  readonly id: string
  readonly organization: string
  /** Which try this is, from 1 on. */
  readonly attempt: number
  readonly content: ExportContent
  readonly format: ExportFormat
  readonly keepDays: number
  /** Null where the file is only kept here. */
  readonly address: string | null
  /** Made by an earlier try: the same is delivered. */
  readonly file: ExportFile | null
}

export interface ExportFile {
  readonly name: string
  /** Compressed with gzip. */
  readonly gzipped: Uint8Array
}

export type RunOutcome =
  | { readonly state: 'done' }
  | { readonly state: 'waiting'; readonly dueAt: number; readonly failure: string }
  | { readonly state: 'failed'; readonly failure: string }

/** The history is there for a year and a month, and files for no longer. */
const HISTORY_MS = 400 * 86_400_000

export function runStore(db: Database) {
  return {
    /**
     * Takes the run that is due longest, for a while; none whose organization has had its processing restricted. Who does not say in time what became of it has died: then somebody else
     * takes it.
     */
    claimExport: (at: number, leaseMs: number): Promise<ClaimedRun | undefined> =>
      transact(db, (tx) => claim(tx, at, leaseMs)),

    /** Keeps a file that was made, unless somebody else has taken the run since. @returns whether it is kept */
    keepExportFile: async (
      id: string,
      attempt: number,
      { name, gzipped }: ExportFile,
      facts: { readonly bytes: number; readonly sha256: string; readonly expiresAt: number },
    ): Promise<boolean> =>
      (
        await rows(
          db,
          sql`update export_run set file_name = ${name}, content = decode(${Buffer.from(gzipped).toString('base64')}, 'base64'),
              bytes = ${facts.bytes}::int8, sha256 = ${facts.sha256}, expires_at = ${timeOf(facts.expiresAt)}
            where id = ${id} and attempts = ${attempt}::int4 and state = 'waiting' returning id`,
        )
      ).length > 0,

    /** Unless somebody else has taken it since. What failed for good is told. */
    endExport: (id: string, attempt: number, outcome: RunOutcome, at: number): Promise<void> =>
      transact(db, (tx) => end(tx, id, attempt, outcome, at)),

    /** Newest first. */
    exportRuns: async (query: {
      readonly organization: string
      readonly schedule?: string
      readonly before?: { readonly at: number; readonly id: string }
      readonly limit: number
    }): Promise<ExportRun[]> => {
      const { organization, schedule, before, limit } = query
      const found = await rows<StoredRun>(
        db,
        sql`select ${COLUMNS} from export_run r where organization = ${organization}
            and ${schedule === undefined ? sql`true` : sql`schedule = ${schedule}`}
            and ${before === undefined ? sql`true` : sql`(date_trunc('milliseconds', created_at), id) < (${timeOf(before.at)}, ${before.id})`}
          order by date_trunc('milliseconds', created_at) desc, id desc limit ${limit}`,
      )
      return found.map(toRun)
    },

    /** Undefined where there is none, or no more. */
    exportFile: async (
      organization: string,
      id: string,
    ): Promise<(ExportFile & { readonly format: ExportFormat }) | undefined> => {
      const [row] = await rows<{ name: string; file: string; format: ExportFormat }>(
        db,
        sql`select r.file_name as name, encode(r.content, 'base64') as file, s.format
          from export_run r join export_schedule s on s.id = r.schedule
          where r.id = ${id} and r.organization = ${organization} and r.content is not null`,
      )
      return (
        row && {
          name: row.name,
          format: row.format,
          gzipped: Uint8Array.from(Buffer.from(row.file, 'base64')),
        }
      )
    },

    /** Tries once more what failed for good. @returns whether there was such a run */
    retryExport: async (organization: string, id: string, at: number): Promise<boolean> =>
      (
        await rows(
          db,
          sql`update export_run r set state = 'waiting', attempts = 0, due_at = ${timeOf(at)}, failure = null, ended_at = null
            where id = ${id} and organization = ${organization} and state = 'failed' and exists
              (select from export_schedule s where s.id = r.schedule and s.removed_at is null)
            returning id`,
        )
      ).length > 0,

    /** Forgets files whose time is over, and the history of what was long ago. @returns how many files */
    forgetExports: (at: number): Promise<number> =>
      transact(db, async (tx) => {
        const forgotten = await rows(
          tx,
          sql`update export_run set content = null
            where content is not null and expires_at <= ${timeOf(at)} and state <> 'waiting' returning id`,
        )
        await tx.execute(sql`delete from export_run where ended_at < ${timeOf(at - HISTORY_MS)}`)
        return forgotten.length
      }),
  }
}

type StoredRun = Omit<
  ExportRun,
  'from' | 'to' | 'dueAt' | 'bytes' | 'expiresAt' | 'createdAt' | 'endedAt'
> &
  Record<'from' | 'to' | 'dueAt' | 'createdAt', string> &
  Record<'bytes' | 'expiresAt' | 'endedAt', string | null>

const ms = (column: string, name: string): SQL =>
  sql.raw(`(extract(epoch from r.${column}) * 1000)::int8::text as "${name}"`)

const COLUMNS = sql`r.id, r.schedule, r.state, r.attempts::int4 as attempts, r.failure, r.file_name as "fileName",
  r.bytes::text as bytes, r.sha256, r.content is not null as "isKept", ${ms('period_from', 'from')}, ${ms('period_to', 'to')},
  ${ms('due_at', 'dueAt')}, ${ms('expires_at', 'expiresAt')}, ${ms('created_at', 'createdAt')}, ${ms('ended_at', 'endedAt')}`

type StoredClaim = Omit<ClaimedRun, 'from' | 'to' | 'address' | 'file'> &
  Record<'from' | 'to', string> &
  Record<'sealed' | 'name' | 'file', string | null>

async function claim(tx: Database, at: number, leaseMs: number): Promise<ClaimedRun | undefined> {
  const [row] = await rows<StoredClaim>(
    tx,
    sql`with due as (
        select id from export_run where state = 'waiting' and due_at <= ${timeOf(at)}
          and (leased_until is null or leased_until <= ${timeOf(at)})
          and organization not in (select id from organization where restricted_at is not null)
        order by due_at, id limit 1 for update skip locked)
      update export_run r set attempts = attempts + 1, leased_until = ${timeOf(at + leaseMs)}
      from due, export_schedule s where r.id = due.id and s.id = r.schedule
      returning r.id, r.organization, r.attempts::int4 as attempt, s.content, s.format, s.keep_days::int4 as "keepDays",
        encode(s.sealed, 'base64') as sealed, r.file_name as name, encode(r.content, 'base64') as file,
        ${ms('period_from', 'from')}, ${ms('period_to', 'to')}`,
  )
  if (row === undefined) return undefined
  const { sealed, name, file, from, to, ...rest } = row
  const opener = await targetOpener(tx, [row.organization])
  return {
    ...rest,
    from: Number(from),
    to: Number(to),
    // What was sealed with a key that is destroyed is nowhere; the file stays here.
    address: sealed === null ? null : (opener(row.organization, sealed)?.address ?? null),
    file:
      name === null || file === null
        ? null
        : { name, gzipped: Uint8Array.from(Buffer.from(file, 'base64')) },
  }
}

async function end(
  tx: Database,
  id: string,
  attempt: number,
  outcome: RunOutcome,
  at: number,
): Promise<void> {
  const failure = outcome.state === 'done' ? null : outcome.failure
  const dueAt = outcome.state === 'waiting' ? timeOf(outcome.dueAt) : sql`r.due_at`
  const [row] = await rows<{ organization: string; name: string; day: string }>(
    tx,
    sql`update export_run r set state = ${outcome.state}, failure = ${failure}, due_at = ${dueAt}, leased_until = null,
        ended_at = ${outcome.state === 'waiting' ? sql`null` : timeOf(at)}
      from export_schedule s
      where r.id = ${id} and r.attempts = ${attempt}::int4 and r.state = 'waiting' and s.id = r.schedule
      returning r.organization, s.name, to_char(r.period_from at time zone 'UTC', 'YYYY-MM-DD') as day`,
  )
  if (row === undefined || outcome.state !== 'failed') return
  const { organization, name, day } = row
  const facts = { schedule: name, period: day, failure: outcome.failure }
  await emitEvents(
    tx,
    [{ organization, kind: 'export.failed', subject: name, cause: `${id}@${at}`, facts }],
    at,
  )
}

const toRun = ({
  from,
  to,
  dueAt,
  createdAt,
  bytes,
  expiresAt,
  endedAt,
  ...row
}: StoredRun): ExportRun => ({
  ...row,
  from: Number(from),
  to: Number(to),
  dueAt: Number(dueAt),
  createdAt: Number(createdAt),
  bytes: bytes === null ? null : BigInt(bytes),
  expiresAt: expiresAt === null ? null : Number(expiresAt),
  endedAt: endedAt === null ? null : Number(endedAt),
})

const timeOf = (at: number): SQL => sql`${new Date(at).toISOString()}::timestamptz`
