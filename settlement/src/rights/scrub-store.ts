import { sql } from 'drizzle-orm'

import { qualified, tablesOf } from '../backup/catalog.ts'
import { type Database, databaseFault, rows } from '../db/database.ts'
import { REGISTER } from './register/index.ts'

export interface ScrubReport {
  /** Erasures of which nothing is left in the files now. */
  readonly erasures: number
  /** Tables that were written anew. */
  readonly tables: number
  /** Segments of the write-ahead log that were filled with something else; null where this role may not. */
  readonly walSegments: number | null
}

/** What an erasure deleted or changed, in the files of the database. */
export function scrubStore(db: Database) {
  return {
    /**
     * Writes the tables that erasures touched anew, and what the planner remembers of them, then lets go of the write-ahead
     * log from before. Each table is locked while that takes: for a time when few are there.
     *
     * @param at milliseconds since 1970
     */
    scrubErased: async (at: number): Promise<ScrubReport> => {
      const open = await rows<{ tombstone: string; report: { table: string }[] }>(
        db,
        sql`select encode(tombstone, 'hex') as tombstone, report from erasure where scrubbed_at is null`,
      )
      if (open.length === 0) return { erasures: 0, tables: 0, walSegments: 0 }
      const touched = await tablesToScrub(
        db,
        open.flatMap(({ report }) => report),
      )
      const walSegments = await rewriteTables(db, touched)
      const ids = sql.join(
        open.map(({ tombstone }) => sql`decode(${tombstone}, 'hex')`),
        sql`, `,
      )
      await db.execute(sql`update erasure set scrubbed_at = ${new Date(at).toISOString()}::timestamptz
        where tombstone in (${ids})`)
      return { erasures: open.length, tables: touched.length, walSegments }
    },
  }
}

/** With what every erasure changes, whatever its report says. */
const ALWAYS = [
  'subject_key',
  'document_key',
  'stripe_event',
  'person',
  'invitation',
  'access_log',
  'member',
  'api_key',
]

async function tablesToScrub(
  db: Database,
  reported: readonly { readonly table: string }[],
): Promise<string[]> {
  const names = new Set([...ALWAYS, ...reported.map(({ table }) => table)])
  const kept = (table: string) =>
    Object.values(REGISTER[table]?.erased ?? {}).every((outcome) => outcome === 'kept')
  return (await tablesOf(db))
    .map(({ name }) => name)
    .filter((name) => names.has(name) && !(REGISTER[name]?.erased !== undefined && kept(name)))
}

/**
 * Writes tables anew, and what the planner remembers of them, then lets go of the write-ahead log from before.
 *
 * @returns segments of the write-ahead log that were filled with something else; null where this role may not
 */
export async function rewriteTables(
  db: Database,
  tables: readonly string[],
): Promise<number | null> {
  for (const table of tables) await rewrite(db, qualified(table))
  await rewrite(db, 'pg_catalog.pg_statistic')
  return turnOverWal(db)
}

/** A new file; the old one is removed. Statistics hold samples of what was in it. */
async function rewrite(db: Database, table: string): Promise<void> {
  await quietly(() => db.execute(sql.raw(`vacuum (full, analyze) ${table}`)))
}

/** More than a service of this size has: its checkpoints keep a gigabyte. */
const SEGMENTS_MAX = 256

/** The first round ends those with something in them, which a checkpoint hands out again; the second fills them up. */
const ROUNDS = 2

/**
 * Ends the current segment, which fills it up, once for each that is there: segments are used again, with what they held
 * behind what is written into them.
 */
async function turnOverWal(db: Database): Promise<number | null> {
  let ended = 0
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await db.execute(sql`checkpoint`)
      const [there] = await rows<{ count: number }>(
        db,
        sql`select count(*)::int4 as count from pg_ls_waldir()`,
      )
      const count = Math.min((there?.count ?? 0) + 1, SEGMENTS_MAX)
      for (let i = 0; i < count; i++, ended++) {
        // Without a word in it a segment is not ended.
        await db.execute(sql`select pg_logical_emit_message(false, 'hanse', '')`)
        await db.execute(sql`select pg_switch_wal()`)
      }
    }
    await db.execute(sql`checkpoint`)
    return ended
  } catch (error) {
    if (databaseFault(error)?.code === INSUFFICIENT_PRIVILEGE) return null
    throw error
  }
}

const INSUFFICIENT_PRIVILEGE = '42501'

async function quietly(work: () => Promise<unknown>): Promise<void> {
  try {
    await work()
  } catch (error) {
    // Statistics of the whole database are for its owner to write anew.
    if (databaseFault(error)?.code !== INSUFFICIENT_PRIVILEGE) throw error
  }
}
