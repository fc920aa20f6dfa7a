import {
  GATEWAY_KEY_TAG as KEY_TAG,
  NOTE_TAGS_MAX,
  NOTE_TEXT_CHARS_MAX,
  SESSION_NOTES_MAX,
  type SessionNote,
} from '@hanse/protocol'
import { type Database, unpack } from './database.ts'
import type { NoteContent } from './note-content.ts'

/** How long an answer took by this node's clock, from the order on; ms. */
export interface SessionTiming {
  /** Null where no token came. */
  readonly firstMs: number | null
  readonly totalMs: number
}

/** A day of a busy gateway, some 10 MB: what comes while so many wait for settlement is settled without a note. */
const WAITING_MAX = 100_000
const ATTEMPT_MS_MAX = 600_000
const DAY_MS = 86_400_000

/**
 * What is to be said of this node's sessions to its own settlement once that has acknowledged them. A note is written before
 * its order leaves, waits in the file, and goes when it was told: a crash loses none, and one that is told again changes nothing.
 */
export class NoteStore {
  readonly #db: Database
  #content: NoteContent = 'off'
  #waiting = 0

  constructor(db: Database) {
    this.#db = db
  }

  /** From now on sessions are noted; what was left by a crash and will never be settled is forgotten. */
  open(content: NoteContent): void {
    this.#content = content
    if (content === 'off') this.#db.prepare('delete from session_note').run()
    this.#db
      .prepare(
        `delete from session_note where next_at is null and session in (
           select s.session from session s left join outbox o on o.session = s.session
           where s.ended_at is not null and (o.session is null or o.refused is not null))`,
      )
      .run()
    const row = this.#db.prepare('select count(*) as waiting from session_note').get()
    this.#waiting = Number(row?.waiting ?? 0)
  }

  /** A session that is paid for begins; to be called where it is written down. */
  begin(session: string): void {
    if (this.#content === 'off' || this.#waiting >= WAITING_MAX) return
    const { changes } = this.#db
      .prepare('insert into session_note (session) values (?) on conflict do nothing')
      .run(session)
    this.#waiting += Number(changes)
  }

  /** Whom the client asked for; kept only where settlement is told that. */
  setUser(session: string, user: string): void {
    if (this.#content !== 'all' || !isNoteText(user) || this.#waiting >= WAITING_MAX) return
    this.#db.writeOne(() => {
      const { changes } = this.#db
        .prepare(
          `insert into session_note (session, end_user) values (?, ?)
           on conflict (session) do update set end_user = excluded.end_user`,
        )
        .run(session, user)
      this.#waiting += Number(changes)
    })
  }

  /** A session has ended. What nobody will be paid for is not noted. */
  end(session: string, timing: SessionTiming | undefined): void {
    if (this.#content === 'off') return
    const { changes } = this.#db
      .prepare(
        `delete from session_note where session = ? and next_at is null
         and not exists (select 1 from outbox o where o.session = session_note.session)`,
      )
      .run(session)
    this.#waiting -= Number(changes)
    if (timing === undefined || changes !== 0) return
    const { firstMs, totalMs } = timing
    this.#db
      .prepare('update session_note set first_ms = ?, total_ms = ? where session = ?')
      .run(bounded(firstMs), bounded(totalMs), session)
  }

  /** Of sessions that settlement has acknowledged, those that it is to be told of now. */
  due(now: number, limit = SESSION_NOTES_MAX): SessionNote[] {
    if (this.#content === 'off') return []
    return this.#db
      .prepare(
        `select n.session, n.end_user, n.first_ms, n.total_ms, a.tags, k.name as key,
           case when s.statement is not null then
             (select r.signed from receipt r where r.session = n.session order by r.sequence desc limit 1) end as signed
         from session_note n join session s on s.session = n.session
           left join attribution a on a.session = n.session left join gateway_key k on k.id = a.key
         where n.next_at <= ? order by n.next_at limit ?`,
      )
      .all(now, limit)
      .map((row) => ({
        session: String(row.session),
        tags: this.#content === 'timings' ? [] : tagsOf(row.tags, row.key),
        user: this.#content === 'all' && row.end_user !== null ? String(row.end_user) : null,
        firstMs: row.first_ms === null ? null : Number(row.first_ms),
        totalMs: row.total_ms === null ? null : Number(row.total_ms),
        receipt: row.signed === null ? null : unpack(row.signed).bytes,
      }))
  }

  /** Settlement has them. */
  told(sessions: readonly string[]): void {
    this.#db.transaction(() => {
      const done = this.#db.prepare('delete from session_note where session = ?')
      for (const session of sessions) this.#waiting -= Number(done.run(session).changes)
    })
  }

  /** Tries again later: after 1 s, 2 s, 4 s … 10 minutes. */
  failed(sessions: readonly string[], now: number): void {
    this.#db.transaction(() => {
      const later = this.#db.prepare(
        `update session_note set attempts = attempts + 1, next_at = ? + min(?, 1000 << min(attempts, 10))
         where session = ?`,
      )
      for (const session of sessions) later.run(now, ATTEMPT_MS_MAX, session)
    })
  }

  /** How many wait, for settlement to acknowledge their sessions or to be told. */
  get waiting(): number {
    return this.#waiting
  }
}

/** Each once; what is longer than settlement takes is left out. */
function tagsOf(stored: unknown, key: unknown): string[] {
  const own = typeof key === 'string' ? [`${KEY_TAG}${key}`] : []
  const given = typeof stored === 'string' ? (JSON.parse(stored) as string[]) : []
  const tags = [...own, ...given.filter((tag) => !tag.startsWith(KEY_TAG))].filter(isNoteText)
  return [...new Set(tags)].slice(0, NOTE_TAGS_MAX)
}

function isNoteText(text: string): boolean {
  return text !== '' && text.length <= NOTE_TEXT_CHARS_MAX && !/\p{Cc}/u.test(text)
}

/** A clock that was set meanwhile says nothing. */
function bounded(ms: number | null): number | null {
  return ms === null || ms < 0 || ms > DAY_MS ? null : Math.round(ms)
}
