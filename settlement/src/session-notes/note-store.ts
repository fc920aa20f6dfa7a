import { sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import type { GivenNote } from './note.ts'
import { type NotesTaken, takeNotes } from './take-notes.ts'

export interface NotesKept {
  /** Sessions whose notes were new. */
  readonly noted: string[]
  /** Sessions that were noted before: the first word counts. */
  readonly known: string[]
  /** Sessions that are not settled here, or are not this node's. */
  readonly unknown: string[]
}

export function noteStore(db: Database) {
  return {
    /**
     * Writes down what a consumer's node says of its own sessions, each once. The sums learn of it by `takeNotes`.
     *
     * @param consumer peer id that signed it
     */
    keepNotes: async (
      consumer: string,
      notes: readonly GivenNote[],
      at: number,
    ): Promise<NotesKept> => {
      const list = notes.map(({ tags, receiptAt, ...note }) => ({
        ...note,
        tags: JSON.stringify(tags),
        receiptAt: receiptAt === null ? null : new Date(receiptAt).toISOString(),
      }))
      const found = await rows<{ session: string; is_new: boolean }>(
        db,
        sql`with given as materialized (
            select distinct on (x.session) * from ${recordset(list, GIVEN)} order by x.session),
          settled as materialized (
            select s.organization, s.session as key, s.accepted_at, s.receipt as last, s.statement, g.*
            from given g join settled_session s on s.session = g.session or s.order_cid = g.session
            where s.consumer = ${consumer} and s.organization is not null),
          written as (
            insert into session_note (organization, session, tags, end_user, first_ms, total_ms, duration_ms, at)
            select organization, key, array(select json_array_elements_text(tags::json)), "user", "firstMs", "totalMs",
              case when statement is not null and receipt = last and "receiptAt" >= accepted_at
                then round(extract(epoch from "receiptAt" - accepted_at) * 1000)::int8 end,
              ${new Date(at).toISOString()}::timestamptz
            from settled order by organization, key
            on conflict (organization, session) do nothing returning session)
          select s.session, w.session is not null as is_new
          from settled s left join written w on w.session = s.key`,
      )
      const isNew = new Map(found.map((row) => [row.session, row.is_new]))
      const sessions = [...new Set(notes.map(({ session }) => session))]
      return {
        noted: sessions.filter((session) => isNew.get(session) === true),
        known: sessions.filter((session) => isNew.get(session) === false),
        unknown: sessions.filter((session) => !isNew.has(session)),
      }
    },

    /** See `takeNotes`. */
    takeNotes: (at: number, notesMax?: number): Promise<NotesTaken> => takeNotes(db, at, notesMax),
  }
}

const GIVEN =
  'x(session text, tags text, "user" text, "firstMs" int8, "totalMs" int8, receipt text, "receiptAt" timestamptz)'
