import { decodeCanonical, type LogEventKind, logEvent, openPersonal } from '@hanse/protocol'
import { and, asc, desc, eq, gte, inArray, isNotNull, lt, sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { logEventTable, subjectKey } from '../db/schema.ts'
import { ownerOf, PLATFORM } from '../log/log-fact.ts'
import { writeEvents } from '../log/write-events.ts'
import type { TrailDetails, TrailEvent, Viewer } from './trail-event.ts'
import { factsOf } from './trail-facts.ts'

export interface TrailQuery {
  readonly viewer: Viewer
  readonly from: number
  /** Not included. */
  readonly to: number
  readonly kinds?: readonly LogEventKind[]
  readonly before?: bigint
  readonly limit: number
  /** Oldest first, after `before`. */
  readonly isForward?: boolean
}

/** An event with the bytes that are in the log. */
export interface StoredTrailEvent extends TrailEvent {
  readonly body: Uint8Array
  readonly salt: Uint8Array
}

export interface TrailCount {
  readonly kind: LogEventKind
  /** `2026-11-02`, UTC. */
  readonly day: string
  readonly events: number
}

type Row = typeof logEventTable.$inferSelect

/** As DAG-CBOR: see `writeEvents`. */
const DETAILS_BYTES_MAX = 4096

/** Keys do not leave the store: what they open does. */
export function trailStore(db: Database) {
  return {
    /** Opened with the viewer's own key; newest first, unless told otherwise. */
    trailEvents: async (query: TrailQuery): Promise<TrailEvent[]> =>
      (await read(db, query)).map(({ body: _body, salt: _salt, ...event }) => event),

    /** The same with what proves them. */
    storedTrailEvents: (query: TrailQuery): Promise<StoredTrailEvent[]> => read(db, query),

    trailEvent: async (viewer: Viewer, id: bigint): Promise<StoredTrailEvent | undefined> => {
      const whose = await scopeOf(db, viewer)
      if (whose === undefined) return undefined
      const found = await db
        .select()
        .from(logEventTable)
        .where(and(whose, eq(logEventTable.id, id)))
      return (await opened(db, viewer, found))[0]
    },

    /** Events of each kind and day. */
    trailCounts: async (
      viewer: Viewer,
      from: number,
      to: number,
      kinds?: readonly LogEventKind[],
    ): Promise<TrailCount[]> => {
      const whose = await scopeOf(db, viewer)
      if (whose === undefined) return []
      return rows<TrailCount>(
        db,
        sql`select kind, to_char(at at time zone 'UTC', 'YYYY-MM-DD') as day, count(*)::int4 as events
          from log_event where ${and(whose, within(from, to), ofKinds(kinds))} group by 1, 2 order by 2, 1`,
      )
    },

    /** Writes down that somebody looked. */
    noteTrailRead: (viewer: Viewer, details: TrailDetails, at: number): Promise<void> => {
      const owner = viewer === 'platform' ? PLATFORM : ownerOf('organization', viewer.organization)
      return transact(db, (tx) =>
        writeEvents(tx, [{ kind: 'log-read', record: null, owner, details }], at),
      )
    },
  }
}

async function read(db: Database, query: TrailQuery): Promise<StoredTrailEvent[]> {
  const { viewer, from, to, kinds, before, limit, isForward = false } = query
  const whose = await scopeOf(db, viewer)
  if (whose === undefined) return []
  const { id } = logEventTable
  const beyond =
    before === undefined ? undefined : isForward ? sql`${id} > ${before}` : lt(id, before)
  const found = await db
    .select()
    .from(logEventTable)
    .where(and(whose, within(from, to), ofKinds(kinds), beyond))
    .orderBy(isForward ? asc(id) : desc(id))
    .limit(limit)
  return opened(db, viewer, found)
}

const within = (from: number, to: number) =>
  and(gte(logEventTable.at, new Date(from)), lt(logEventTable.at, new Date(to)))

const ofKinds = (kinds: readonly LogEventKind[] | undefined) =>
  kinds === undefined ? undefined : inArray(logEventTable.kind, [...kinds])

/** Nothing where the key was destroyed, or never made: the opaque number in the events leads to nobody then. */
async function scopeOf(db: Database, viewer: Viewer) {
  if (viewer === 'platform') return sql`true`
  const [row] = await db
    .select({ subject: subjectKey.subject })
    .from(subjectKey)
    .where(eq(subjectKey.owner, ownerOf('organization', viewer.organization)))
  return row && eq(logEventTable.subject, row.subject)
}

async function opened(
  db: Database,
  viewer: Viewer,
  found: readonly Row[],
): Promise<StoredTrailEvent[]> {
  const keys = await keysFor(db, viewer, found)
  const events = found.map((row) => openEvent(row, keys))
  const facts = await factsOf(db, viewer === 'platform' ? [] : events)
  return events.map((event) => ({ ...event, facts: facts.get(event.record ?? '') ?? null }))
}

/** Those that the viewer may open with: an organization its own, the platform those of providers. */
async function keysFor(
  db: Database,
  viewer: Viewer,
  found: readonly Row[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const subjects = new Map(
    found.flatMap(({ subject }) => (subject ? [[hex(subject), subject]] : [])),
  )
  if (subjects.size === 0) return new Map()
  const mine =
    viewer === 'platform'
      ? sql`(${subjectKey.owner} = ${PLATFORM} or ${subjectKey.owner} like 'provider/%')`
      : eq(subjectKey.owner, ownerOf('organization', viewer.organization))
  const kept = await db
    .select()
    .from(subjectKey)
    .where(
      and(mine, isNotNull(subjectKey.key), inArray(subjectKey.subject, [...subjects.values()])),
    )
  return new Map(kept.flatMap(({ subject, key }) => (key ? [[hex(subject), key]] : [])))
}

function openEvent(row: Row, keys: ReadonlyMap<string, Uint8Array>): StoredTrailEvent {
  const { id, kind, record, leaf, at, body, salt, subject } = row
  const { sealed } = logEvent.decode(body)
  const key = subject === null ? undefined : keys.get(hex(subject))
  const details =
    sealed === null || key === undefined
      ? null
      : (decodeCanonical(openPersonal(key, sealed), DETAILS_BYTES_MAX) as TrailDetails)
  const seal = sealed === null ? 'none' : details === null ? 'sealed' : 'open'
  return { id, kind, at: at.getTime(), record, leaf, seal, details, facts: null, body, salt }
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
