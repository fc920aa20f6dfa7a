import { type LogCommit, parseCheckpoint, parseTilePath, TILE_WIDTH } from '@hanse/protocol'
import { and, eq, gte, lt, sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { logCheckpoint, logTile } from '../db/schema.ts'

/** A commit of the log with the events that become its last entries, in their order. */
export interface EventCommit extends LogCommit {
  readonly events: readonly bigint[]
}

/** `stale`: some of the events have their place already. */
export type CommitOutcome = 'committed' | 'raced' | 'stale'

class Undone extends Error {
  readonly outcome: CommitOutcome

  constructor(outcome: CommitOutcome) {
    super(outcome)
    this.outcome = outcome
  }
}

/**
 * Swaps in the next checkpoint, its tiles and the places of its events, in one transaction: an event is in the tree
 * exactly when it has a place.
 */
export async function commitLog(db: Database, commit: EventCommit): Promise<CommitOutcome> {
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
  const places = events.map((id, i) => ({ id, leaf: first + BigInt(i) }))
  const placed = await rows<{ id: string }>(
    tx,
    sql`update log_event e set leaf = x.leaf
      from ${recordset(places, 'x(id int8, leaf int8)')}
      where e.id = x.id and e.leaf is null returning e.id::text as id`,
  )
  return placed.length === events.length
}
