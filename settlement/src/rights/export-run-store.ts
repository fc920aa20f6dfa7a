import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import type { ExportProgress } from './data-export.ts'
import type { SubjectKind } from './register/index.ts'
import type { Subject } from './request-store.ts'

export interface DataExport extends ExportProgress {
  readonly id: string
  readonly subjectKind: SubjectKind
  readonly subject: string
  readonly state: 'waiting' | 'done' | 'failed'
  readonly bytes: number | null
  readonly sha256: string | null
  readonly failure: string | null
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly endedAt: number | null
  readonly expiresAt: number | null
}

/** Of one subject at once: nobody needs several. */
const KEPT_MAX = 5
const TRIES_MAX = 5
/** Whoever asked shall see that it failed. */
const FAILED_MS = 7 * 86_400_000

/** Exports that are made in the background, with their files in parts. */
export function exportRunStore(db: Database) {
  return {
    /** The one that waits, where there is one; else a new one. The oldest make room. */
    askForExport: (given: {
      readonly id: string
      readonly subject: Subject
      readonly by: string
      readonly at: number
    }): Promise<DataExport> =>
      transact(db, async (tx) => {
        const { id, subject, by, at } = given
        await tx.execute(
          sql`select pg_advisory_xact_lock(hashtextextended(${`export/${subject.kind}/${subject.id}`}, 0))`,
        )
        const [waiting] = await read(
          tx,
          sql`subject_kind = ${subject.kind} and subject = ${subject.id} and state = 'waiting'`,
        )
        if (waiting !== undefined) return waiting
        await tx.execute(sql`insert into data_export (id, subject_kind, subject, asked_by, state, created_at)
          values (${id}, ${subject.kind}, ${subject.id}, ${by}, 'waiting', ${iso(at)})`)
        await tx.execute(sql`delete from data_export where id in (select id from data_export
          where subject_kind = ${subject.kind} and subject = ${subject.id}
          order by created_at desc, id desc offset ${KEPT_MAX})`)
        const [made] = await read(tx, sql`id = ${id}`)
        if (made === undefined) throw new Error('an export that was not stored')
        return made
      }),

    dataExports: (subject: Subject): Promise<DataExport[]> =>
      read(db, sql`subject_kind = ${subject.kind} and subject = ${subject.id}`),

    dataExport: async (id: string): Promise<DataExport | undefined> =>
      (await read(db, sql`id = ${id}`))[0],

    /** The one that waits longest, for a while: who does not say in time what came of it has died. */
    claimDataExport: async (
      at: number,
      leaseMs: number,
    ): Promise<{ id: string; subject: Subject; attempt: number } | undefined> => {
      const [row] = await rows<{ id: string; kind: SubjectKind; subject: string; attempt: number }>(
        db,
        sql`update data_export set attempts = attempts + 1, leased_until = ${iso(at + leaseMs)},
            tables_done = 0, records = 0
          where id = (select id from data_export where state = 'waiting'
            and (leased_until is null or leased_until <= ${iso(at)})
            order by created_at, id limit 1 for update skip locked)
          returning id, subject_kind as kind, subject, attempts as attempt`,
      )
      if (row === undefined) return undefined
      const { id, kind, subject, attempt } = row
      // What an earlier try wrote is no part of this one.
      await db.execute(sql`delete from data_export_part where export = ${id}`)
      return { id, subject: { kind, id: subject }, attempt }
    },

    /** @returns whether the run is still this one's */
    tellExportProgress: async (
      id: string,
      attempt: number,
      { tablesDone, tablesAll, records }: ExportProgress,
      leaseUntil: number,
    ): Promise<boolean> =>
      (
        await rows(
          db,
          sql`update data_export set tables_done = ${tablesDone}::int4, tables_all = ${tablesAll}::int4,
            records = ${records}::int8, leased_until = ${iso(leaseUntil)}
          where id = ${id} and attempts = ${attempt}::int4 and state = 'waiting' returning id`,
        )
      ).length > 0,

    addExportPart: async (id: string, number: number, bytes: Uint8Array): Promise<void> => {
      await db.execute(sql`insert into data_export_part (export, number, bytes)
        values (${id}, ${number}::int4, decode(${Buffer.from(bytes).toString('base64')}, 'base64'))
        on conflict (export, number) do update set bytes = excluded.bytes`)
    },

    exportPart: async (id: string, number: number): Promise<Uint8Array | undefined> => {
      const [row] = await rows<{ bytes: string }>(
        db,
        sql`select encode(bytes, 'base64') as bytes from data_export_part
          where export = ${id} and number = ${number}::int4`,
      )
      return row && Uint8Array.from(Buffer.from(row.bytes, 'base64'))
    },

    endDataExport: async (
      id: string,
      attempt: number,
      made: { readonly bytes: number; readonly sha256: string; readonly expiresAt: number },
      at: number,
    ): Promise<void> => {
      await db.execute(sql`update data_export set state = 'done', bytes = ${made.bytes}::int8, sha256 = ${made.sha256},
          expires_at = ${iso(made.expiresAt)}, ended_at = ${iso(at)}, leased_until = null, failure = null
        where id = ${id} and attempts = ${attempt}::int4 and state = 'waiting'`)
    },

    /** Tries again later, but not for ever. */
    failDataExport: async (
      id: string,
      attempt: number,
      failure: string,
      at: number,
    ): Promise<void> => {
      await db.execute(sql`update data_export set failure = ${failure}, leased_until = null,
          state = case when attempts >= ${TRIES_MAX} then 'failed' else state end,
          ended_at = case when attempts >= ${TRIES_MAX} then ${iso(at)} else ended_at end,
          expires_at = case when attempts >= ${TRIES_MAX} then ${iso(at + FAILED_MS)} else expires_at end
        where id = ${id} and attempts = ${attempt}::int4 and state = 'waiting'`)
    },

    /** @returns how many were forgotten */
    forgetDataExports: async (at: number): Promise<number> =>
      (await rows(db, sql`delete from data_export where expires_at <= ${iso(at)} returning id`))
        .length,
  }
}

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`

async function read(db: Database, where: ReturnType<typeof sql>): Promise<DataExport[]> {
  return rows<DataExport>(
    db,
    sql`select id, subject_kind as "subjectKind", subject, state, failure, sha256,
        tables_done as "tablesDone", tables_all as "tablesAll", records::float8 as records, bytes::float8 as bytes,
        (extract(epoch from created_at) * 1000)::float8 as "createdAt",
        (extract(epoch from ended_at) * 1000)::float8 as "endedAt",
        (extract(epoch from expires_at) * 1000)::float8 as "expiresAt"
      from data_export where ${where} order by created_at desc, id desc`,
  )
}
