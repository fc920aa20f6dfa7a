import {
  entryOfEvent,
  type LogCommit,
  logEvent,
  openPersonal,
  parseCheckpoint,
  parseTilePath,
  TILE_WIDTH,
} from '@hanse/protocol'
import { and, asc, desc, eq, gte, inArray, isNotNull, isNull, lt, or, sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import {
  logCheckpoint,
  logEventTable,
  logKeyTable,
  logTile,
  logWitness,
  settledReceipt,
  settledSession,
  settledStatement,
  subjectKey,
} from '../db/schema.ts'
import type { ErasureFact, LogFact } from './log-fact.ts'
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

/** An event that has its place, with what proves it. */
export interface LoggedEvent {
  readonly body: Uint8Array
  readonly salt: Uint8Array
  readonly leaf: bigint
  /** Of a session that a statement settled. */
  readonly statement?: {
    readonly signed: Uint8Array
    readonly lines: Uint8Array
    /** CID of the session's order. */
    readonly order: string
  }
}

/** A commit of the log with the events that become its last entries, in their order. */
export interface EventCommit extends LogCommit {
  readonly events: readonly bigint[]
}

/** `stale`: some of the events have their place already. */
export type CommitOutcome = 'committed' | 'raced' | 'stale'

export interface StoredLogKey {
  readonly cid: string
  readonly vkey: string
  readonly signed: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
}

class Undone extends Error {
  readonly outcome: CommitOutcome

  constructor(outcome: CommitOutcome) {
    super(outcome)
    this.outcome = outcome
  }
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

    /**
     * Swaps in the next checkpoint, its tiles and the places of its events, in one transaction: an event is in the tree
     * exactly when it has a place.
     */
    commitLog: async (commit: EventCommit): Promise<CommitOutcome> => {
      try {
        return await transact(db, async (tx) => {
          if (!(await swapCheckpoint(tx, commit))) throw new Undone('raced')
          for (const [path, bytes] of commit.tiles) await putTile(tx, path, bytes)
          if (!(await placeEvents(tx, commit))) throw new Undone('stale')
          return 'committed' as const
        })
      } catch (error) {
        if (error instanceof Undone) return error.outcome
        throw error
      }
    },

    /** By the CID of a session's order, or of what an event is about; only when it has its place. */
    loggedEvent: async (cid: string): Promise<LoggedEvent | undefined> => {
      const session = await settledBy(db, cid)
      const [row] = await db
        .select()
        .from(logEventTable)
        .where(
          and(
            eq(logEventTable.record, session?.record ?? cid),
            isNotNull(logEventTable.leaf),
            session && inArray(logEventTable.kind, ['receipt-settled', 'statement-settled']),
          ),
        )
        .orderBy(asc(logEventTable.id))
        .limit(1)
      if (row === undefined || row.leaf === null) return undefined
      const { body, salt, leaf } = row
      const statement = session?.statement
      return { body, salt, leaf, ...(statement !== undefined && { statement }) }
    },

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

async function swapCheckpoint(tx: Database, { expected, checkpoint }: LogCommit): Promise<boolean> {
  const next = { note: checkpoint, cosigned: checkpoint }
  const swapped =
    expected === undefined
      ? await tx
          .insert(logCheckpoint)
          .values(next)
          .onConflictDoNothing()
          .returning({ note: logCheckpoint.note })
      : await tx
          .update(logCheckpoint)
          .set(next)
          .where(eq(logCheckpoint.note, expected))
          .returning({ note: logCheckpoint.note })
  return swapped.length === 1
}

async function putTile(tx: Database, path: string, bytes: Uint8Array): Promise<void> {
  await tx
    .insert(logTile)
    .values({ path, bytes })
    .onConflictDoUpdate({ target: logTile.path, set: { bytes } })
  if (parseTilePath(path).width < TILE_WIDTH) return
  // The full tile stands in for its partial ones, of which there can be 255. '0' follows '/'.
  await tx
    .delete(logTile)
    .where(and(gte(logTile.path, `${path}.p/`), lt(logTile.path, `${path}.p0`)))
}

async function placeEvents(tx: Database, { events, checkpoint }: EventCommit): Promise<boolean> {
  if (events.length === 0) return true
  const first = parseCheckpoint(checkpoint).size - BigInt(events.length)
  const places = JSON.stringify(
    events.map((id, i) => ({ id: id.toString(), leaf: (first + BigInt(i)).toString() })),
  )
  const placed = await rows<{ id: string }>(
    tx,
    sql`update log_event e set leaf = x.leaf
      from json_to_recordset(${places}::text::json) as x(id int8, leaf int8)
      where e.id = x.id and e.leaf is null returning e.id::text as id`,
  )
  return placed.length === events.length
}

/** What settled the last receipt of a session: itself, or a statement. */
async function settledBy(db: Database, order: string) {
  const [row] = await db
    .select({
      receipt: settledReceipt.cid,
      statement: settledStatement.cid,
      signed: settledStatement.signed,
      lines: settledStatement.lines,
    })
    .from(settledSession)
    .innerJoin(
      settledReceipt,
      and(
        eq(settledReceipt.session, settledSession.session),
        eq(settledReceipt.sequence, settledSession.sequence),
      ),
    )
    .leftJoin(settledStatement, eq(settledStatement.cid, settledReceipt.statement))
    .where(or(eq(settledSession.session, order), eq(settledSession.orderCid, order)))
    .orderBy(isNull(settledSession.signedOrder), asc(settledSession.session))
    .limit(1)
  if (row === undefined) return undefined
  const { receipt, statement, signed, lines } = row
  return statement === null || signed === null || lines === null
    ? { record: receipt, statement: undefined }
    : { record: statement, statement: { signed, lines, order } }
}

const erasureOf = (subject: Uint8Array): ErasureFact => ({
  kind: 'erasure',
  record: null,
  owner: null,
  details: null,
  subject,
})
