import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { sql } from 'drizzle-orm'
import { SettlementError } from '../errors.ts'
import { type Database, rows } from './database.ts'

const FOLDER = new URL('../../migrations/', import.meta.url)
/** Any number that no other user of the database locks. */
const LOCK = 4_824_273_110n

/**
 * Brings the schema up to date, once, however many processes start together. A runner of our own, not Drizzle's: it
 * takes a lock, it refuses files that changed after they ran, and the files hold what Drizzle's generator cannot write
 * (triggers, guards, partial indexes) anyway.
 *
 * @throws {SettlementError} HANSE_STORE_MIGRATION
 */
export async function migrate(db: Database): Promise<void> {
  const files = (await readdir(FOLDER)).filter((name) => name.endsWith('.sql')).sort()
  await db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${LOCK.toString()}::int8)`)
    await tx.execute(
      sql`create table if not exists migration (name text primary key, digest text not null, at timestamptz not null default now())`,
    )
    const known = new Map(
      (
        await rows<{ name: string; digest: string }>(tx, sql`select name, digest from migration`)
      ).map((row) => [row.name, row.digest]),
    )
    for (const name of known.keys()) {
      if (!files.includes(name)) throw fault(`this release does not know migration ${name}`)
    }
    for (const name of files) await apply(tx, name, known.get(name))
  })
}

async function apply(tx: Database, name: string, known: string | undefined): Promise<void> {
  const text = await readFile(new URL(name, FOLDER), 'utf8')
  const digest = createHash('sha256').update(text).digest('hex')
  if (known === digest) return
  if (known !== undefined) throw fault(`migration ${name} was changed after it had run`)
  // One statement at a time: the extended protocol, which both drivers speak here, takes no more.
  for (const statement of text.split('--> statement-breakpoint'))
    await tx.execute(sql.raw(statement))
  await tx.execute(sql`insert into migration (name, digest) values (${name}, ${digest})`)
}

const fault = (message: string) => new SettlementError('HANSE_STORE_MIGRATION', message)
