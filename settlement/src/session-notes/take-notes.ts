import { sql } from 'drizzle-orm'
import { recordset, textArray } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { addTimes } from '../service-levels/timing-store.ts'
import { ADD_TO_SUMS, GATEWAY_OF } from '../usage/add-to-sums.ts'
import { digestOfSpender, type UsageSpender, withTags } from '../usage/spender.ts'
import { internSpender } from '../usage/spender-store.ts'
import { MEASURES } from '../usage/usage-query.ts'
import { addLatencies } from './latency-store.ts'

export interface NotesTaken {
  /** 0 when there was nothing new. */
  readonly notes: number
  /** Whether more may wait. */
  readonly more: boolean
}

/** About a fifth of a second of work, in which the roll-ups wait. */
const NOTES_MAX = 2_000

/**
 * Lets the sums know what nodes have said of their sessions: what was spent goes to the tags of the session besides those of
 * its authorization, answers get their times. No sum of money changes by it, only what it is said to have been for.
 *
 * The roll-ups of usage and of service stand still meanwhile: a session that they have is moved here, and one that they have
 * not is found by them as it is then. Of processes that do this at once, the second waits for the first and finds nothing left.
 */
export async function takeNotes(
  db: Database,
  at: number,
  notesMax = NOTES_MAX,
): Promise<NotesTaken> {
  const waiting = await waitingNotes(db, notesMax)
  if (waiting.length === 0) return { notes: 0, more: false }
  const known = await intern(db, waiting, at)
  await transact(db, async (tx) => {
    await tx.execute(sql`select from usage_mark for update`)
    await tx.execute(sql`select from service_mark for update`)
    const taken = await claim(tx, known, at)
    await tx.execute(moveToSpenders(taken))
    await addTimes(tx, await timed(tx, taken, at))
    await addLatencies(tx, taken)
  })
  return { notes: waiting.length, more: waiting.length === notesMax }
}

interface WaitingNote extends UsageSpender {
  readonly organization: string
  readonly session: string
  /** Of the note. */
  readonly noted: readonly string[]
  /** Of the authorization; null where nobody is known. */
  readonly spender: string | null
}

async function waitingNotes(db: Database, limit: number): Promise<WaitingNote[]> {
  return rows<WaitingNote>(
    db,
    sql`select n.organization, n.session, n.tags as noted, a.spender::text as spender,
        coalesce(w.key, '') as key, coalesce(w.member, '') as member, coalesce(w.tags, '{}') as tags
      from (select organization, session, tags from session_note where taken_at is null
          and organization not in (select id from organization where restricted_at is not null) order by at limit ${limit}) n
      join settled_session s on s.session = n.session
      left join spend_authorization a on a.serial = s.authorization_serial
      left join usage_spender w on w.organization = n.organization and w.id = a.spender`,
  )
}

interface KnownNote {
  readonly organization: string
  readonly session: string
  /** As digits; null where nobody is known, and nothing was said. */
  readonly spender: string | null
}

/** Whom each was for; there are few who differ. */
async function intern(
  db: Database,
  waiting: readonly WaitingNote[],
  at: number,
): Promise<KnownNote[]> {
  const ids = new Map<string, string>()
  const known: KnownNote[] = []
  for (const { organization, session, key, member, tags, noted, spender } of waiting) {
    if (noted.length === 0) {
      known.push({ organization, session, spender })
      continue
    }
    const who = withTags({ key, member, tags }, noted)
    const name = `${organization} ${digestOfSpender(who)}`
    const id = ids.get(name) ?? String(await internSpender(db, organization, who, at))
    ids.set(name, id)
    known.push({ organization, session, spender: id })
  }
  return known
}

/** Those that nobody else has taken meanwhile. */
function claim(tx: Database, known: readonly KnownNote[], at: number): Promise<KnownNote[]> {
  return rows<KnownNote>(
    tx,
    sql`update session_note n set spender = x.spender, taken_at = ${new Date(at).toISOString()}::timestamptz
      from ${recordset(known, 'x(organization text, session text, spender int8)')}
      where n.organization = x.organization and n.session = x.session and n.taken_at is null
      returning n.organization, n.session, n.spender::text as spender`,
  )
}

const [SESSIONS, ...OTHERS] = MEASURES
const LESS = [`-1 as ${SESSIONS}`, ...OTHERS.map((name) => `-${name} as ${name}`)].join(', ')

/** What the sums hold of these sessions, taken from whom they were and added to whom they are. */
function moveToSpenders(taken: readonly KnownNote[]) {
  return sql`with moved as materialized (
      select u.organization, u.session, u.at, u.provider, u.model, u.country, u.spender as before,
        coalesce(x.spender, 0) as spender, ${sql.raw(GATEWAY_OF)}, ${sql.raw(OTHERS.map((name) => `u.${name}`).join(', '))}
      from ${recordset(taken, 'x(organization text, session text, spender int8)')}
      join settled_session s on s.session = x.session
      left join spend_authorization a on a.serial = s.authorization_serial
      join usage u on u.organization = x.organization and u.session = x.session and u.at = s.accepted_at
      where u.spender <> coalesce(x.spender, 0)),
    written as (
      update usage u set spender = m.spender from moved m
      where u.organization = m.organization and u.session = m.session and u.at = m.at),
    change as materialized (
      select organization, at, provider, model, country, before as spender, gateway, attributed, ${sql.raw(LESS)} from moved
      union all select organization, at, provider, model, country, spender, gateway, attributed, 1, ${sql.raw(OTHERS.join(', '))} from moved),
    ${sql.raw(ADD_TO_SUMS)}`
}

/** Sessions whose times the measurement did not know. */
async function timed(tx: Database, taken: readonly KnownNote[], at: number): Promise<string[]> {
  const found = await rows<{ session: string }>(
    tx,
    sql`insert into service_timing (session, organization, duration_ms, at)
      select session, organization, duration_ms, ${new Date(at).toISOString()}::timestamptz from session_note
      where session = any(${textArray(taken.map(({ session }) => session))}) and duration_ms is not null
      order by session on conflict do nothing returning session`,
  )
  return found.map(({ session }) => session)
}
