import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { sql } from 'drizzle-orm'
import { SettlementError } from '../errors.ts'
import { type Database, databaseFault, rows } from './database.ts'
import { isBreaking } from './migration-policy.ts'

const FOLDER = new URL('../../migrations/', import.meta.url)
/** Any number that no other user of the database locks. */
const LOCK = 4_824_273_110n
/**
 * A change of a table waits for whoever uses it, and everybody else waits behind the change: so it gives up soon, lets
 * them through, and tries again.
 */
const LOCK_TIMEOUT_MS = 2_000
const RETRY_MS = 500
/** A minute of a table that is never free is for a person to look at. */
const TRIES_MAX = 24

interface KnownMigration {
  readonly name: string
  readonly digest: string
  /** Releases that do not know it must not run. */
  readonly breaking: boolean
}

/** The names of all migrations of this release, in their order. */
export async function migrationNames(): Promise<string[]> {
  return (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).sort()
}

/**
 * Brings the schema up to date, once, however many processes start together. A runner of our own, not Drizzle's: it
 * takes a lock, it refuses files that changed after they ran, it lets an older release run beside a newer schema that
 * only adds, and the files hold what Drizzle's generator cannot write (triggers, guards, partitions) anyway.
 *
 * @param upTo only these, for a backup that was made before the others were
 * @throws {SettlementError} HANSE_STORE_MIGRATION
 */
export async function migrate(db: Database, upTo?: readonly string[]): Promise<void> {
  const files = await migrationNames()
  for (const name of upTo ?? []) {
    if (!files.includes(name)) throw fault(`this release does not know migration ${name}`)
  }
  await patiently(() => prepare(db))
  refuseUnknown(await known(db), files)
  for (const name of upTo ?? files) {
    const text = await readFile(new URL(name, FOLDER), 'utf8')
    await patiently(() => db.transaction((tx) => apply(tx, name, text)))
  }
}

/** The migrations that this database has had. */
export const known = (db: Database): Promise<KnownMigration[]> =>
  rows(db, sql`select name, digest, breaking from migration order by name`)

/** An older release that starts again after a newer one has migrated runs on, unless something was taken away. */
function refuseUnknown(applied: readonly KnownMigration[], files: readonly string[]): void {
  for (const { name, breaking } of applied) {
    if (breaking && !files.includes(name)) {
      throw fault(`this release does not know migration ${name}`)
    }
  }
}

async function prepare(db: Database): Promise<void> {
  await db.transaction(async (tx) => {
    await lock(tx)
    await tx.execute(
      sql`create table if not exists migration (name text primary key, digest text not null, at timestamptz not null default now())`,
    )
    const [column] = await rows(
      tx,
      sql`select from pg_attribute where attrelid = 'migration'::regclass and attname = 'breaking' and not attisdropped`,
    )
    if (column !== undefined) return
    await tx.execute(sql`alter table migration add column breaking boolean not null default true`)
  })
}

async function apply(tx: Database, name: string, text: string): Promise<void> {
  await lock(tx)
  const digest = createHash('sha256').update(text).digest('hex')
  const applied = (await known(tx)).find((row) => row.name === name)
  if (applied?.digest === digest) return
  if (applied !== undefined) throw fault(`migration ${name} was changed after it had run`)
  // One statement at a time: the extended protocol, which both drivers speak here, takes no more.
  for (const statement of text.split('--> statement-breakpoint')) {
    await tx.execute(sql.raw(statement))
  }
  await tx.execute(
    sql`insert into migration (name, digest, breaking) values (${name}, ${digest}, ${isBreaking(text)})`,
  )
}

/** Waiting for another process that migrates has no limit; waiting for a table has. */
async function lock(tx: Database): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(${LOCK.toString()}::int8)`)
  await tx.execute(sql.raw(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`))
}

async function patiently(work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (tries >= TRIES_MAX || databaseFault(error)?.code !== '55P03') throw error
      await setTimeout(RETRY_MS)
    }
  }
}

const fault = (message: string) => new SettlementError('HANSE_STORE_MIGRATION', message)
