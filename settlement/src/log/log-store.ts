import { entryOfEvent, type LogEventKind, logEvent, openPersonal } from '@hanse/protocol'
import { and, asc, desc, eq, gte, isNotNull, isNull, lt, sql } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import {
  logCheckpoint,
  logEventTable,
  logKeyTable,
  logTile,
  logWitness,
  subjectKey,
} from '../db/schema.ts'
import { type CommitOutcome, commitLog, type EventCommit } from './commit-log.ts'
import type { ErasureFact, LogFact } from './log-fact.ts'
import { type LoggedEvent, loggedEvent } from './logged-event.ts'
import { destroyKey } from './subject-keys.ts'
import { writeEvents } from './write-events.ts'

/** An event that waits for its place in the tree. */
export interface WaitingEvent {
  readonly id: bigint
  /** What the log will have as its entry. */
  readonly entry: Uint8Array
}

/** An event as a check of the log reads it. */
export interface PlacedEvent {
  readonly leaf: bigint
  readonly body: Uint8Array
  /** Computed from the body: what the tree should have in this place. */
  readonly entry: Uint8Array
}

/** What one place of the tree holds, as far as it is open. */
export interface LogEntryRow {
  readonly leaf: bigint
  readonly kind: LogEventKind
  readonly record: string | null
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface StoredLogKey {
  readonly cid: string
  readonly vkey: string
  readonly signed: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
}

export function logStore(db: Database) {
  return {
    /** The latest checkpoint, as the log signed it, and with the lines of the witnesses. */
    logHead: async (): Promise<{ note: string; cosigned: string } | undefined> => {
      const [row] = await db.select().from(logCheckpoint)
      return row && { note: row.note, cosigned: row.cosigned }
    },

    /** A tile or bundle by its path. */
    logTile: async (path: string): Promise<Uint8Array | undefined> => {
      const [row] = await db.select().from(logTile).where(eq(logTile.path, path))
      return row?.bytes
    },

    /** In the order in which they were written. */
    waitingEvents: async (limit: number): Promise<WaitingEvent[]> =>
      (
        await db
          .select()
          .from(logEventTable)
          .where(isNull(logEventTable.leaf))
          .orderBy(asc(logEventTable.id))
          .limit(limit)
      ).map(({ id, salt, body }) => ({ id, entry: entryOfEvent(salt, body) })),

    /** How many events wait for their place. */
    waitingCount: (): Promise<number> => db.$count(logEventTable, isNull(logEventTable.leaf)),

    /** What is in the places of the tree, the newest first; what is sealed stays sealed. */
    logEntries: async (query: { before?: bigint; limit: number }): Promise<LogEntryRow[]> => {
      const { leaf, kind, record, at } = logEventTable
      const found = await db
        .select({ leaf, kind, record, at })
        .from(logEventTable)
        .where(query.before === undefined ? isNotNull(leaf) : lt(leaf, query.before))
        .orderBy(desc(leaf))
        .limit(query.limit)
      return found.map((row) => ({ ...row, leaf: row.leaf ?? 0n, at: row.at.getTime() }))
    },

    /** See `commitLog`. */
    commitLog: (commit: EventCommit): Promise<CommitOutcome> => commitLog(db, commit),

    /** See `loggedEvent`. */
    loggedEvent: (cid: string): Promise<LoggedEvent | undefined> => loggedEvent(db, cid),

    /** What checks a log reads: events with their entries, by their places from `from` on. */
    placedEvents: async (from: bigint, limit: number): Promise<PlacedEvent[]> =>
      (
        await db
          .select()
          .from(logEventTable)
          .where(gte(logEventTable.leaf, from))
          .orderBy(asc(logEventTable.leaf))
          .limit(limit)
      ).map(({ leaf, salt, body }) => ({
        leaf: leaf ?? 0n,
        body,
        entry: entryOfEvent(salt, body),
      })),

    /** Opens what an event says of its subject; `undefined` when it says nothing, or its key was destroyed. */
    unseal: async (body: Uint8Array): Promise<Uint8Array | undefined> => {
      const { sealed, subject } = logEvent.decode(body)
      if (sealed === null || subject === null) return undefined
      const [row] = await db.select().from(subjectKey).where(eq(subjectKey.subject, subject))
      if (row === undefined || row.key === null) return undefined
      return openPersonal(row.key, sealed)
    },

    /**
     * Destroys the key that an owner's data in the log are sealed with (see `ownerOf`), and logs that. Every proof stays
     * valid.
     *
     * @returns whether there was one
     */
    eraseSubject: (owner: string, at: number): Promise<boolean> =>
      transact(db, async (tx) => {
        const subject = await destroyKey(tx, owner, at)
        if (subject === undefined) return false
        await writeEvents(tx, [erasureOf(subject)], at)
        return true
      }),

    /** Keeps the signed key of the log, unless it is kept, and logs that it signs from now on. */
    keepLogKey: (key: StoredLogKey, at: number): Promise<void> =>
      transact(db, async (tx) => {
        const { notBefore, notAfter, ...row } = key
        const kept = await tx
          .insert(logKeyTable)
          .values({ ...row, notBefore: new Date(notBefore), notAfter: new Date(notAfter) })
          .onConflictDoNothing()
          .returning({ cid: logKeyTable.cid })
        if (kept.length === 0) return
        const none = { owner: null, details: null } as const
        await writeEvents(tx, [{ kind: 'key-rotation', record: key.cid, ...none }], at)
      }),

    /** The keys of the log, the newest first. */
    logKeys: async (): Promise<StoredLogKey[]> =>
      (
        await db
          .select()
          .from(logKeyTable)
          .orderBy(desc(logKeyTable.notBefore), asc(logKeyTable.cid))
      ).map(({ notBefore, notAfter, ...row }) => ({
        ...row,
        notBefore: notBefore.getTime(),
        notAfter: notAfter.getTime(),
      })),

    /** Logs what needs nothing else written with it; what is told again of a record is not told twice. */
    logFact: (fact: LogFact, at: number): Promise<void> =>
      transact(db, async (tx) => {
        const { record, kind } = fact
        const isTold =
          record !== null &&
          (await tx.$count(
            logEventTable,
            and(eq(logEventTable.record, record), eq(logEventTable.kind, kind)),
          )) > 0
        if (!isTold) await writeEvents(tx, [fact], at)
      }),

    /** How far each witness is, by its key. */
    logWitnesses: (): Promise<{ vkey: string; size: bigint }[]> =>
      db.select().from(logWitness).orderBy(asc(logWitness.vkey)),

    /** Size of the last checkpoint that this witness is known to have cosigned. */
    witnessSize: async (vkey: string): Promise<bigint> => {
      const [row] = await db.select().from(logWitness).where(eq(logWitness.vkey, vkey))
      return row?.size ?? 0n
    },

    /** Keeps how far a witness is, and the checkpoint with its line, if that is still the latest. */
    keepCosigned: (
      vkey: string,
      size: bigint,
      cosigned: { note: string; line: string } | null,
    ): Promise<void> =>
      transact(db, async (tx) => {
        await tx
          .insert(logWitness)
          .values({ vkey, size })
          .onConflictDoUpdate({ target: logWitness.vkey, set: { size } })
        if (cosigned === null) return
        const { note, line } = cosigned
        // Lines of several witnesses come at once: each adds its own.
        await tx
          .update(logCheckpoint)
          .set({ cosigned: sql`${logCheckpoint.cosigned} || ${`${line}\n`}` })
          .where(
            and(
              eq(logCheckpoint.note, note),
              sql`position(${`${line}\n`} in ${logCheckpoint.cosigned}) = 0`,
            ),
          )
      }),
  }
}

const erasureOf = (subject: Uint8Array): ErasureFact => ({
  kind: 'erasure',
  record: null,
  owner: null,
  details: null,
  subject,
})
