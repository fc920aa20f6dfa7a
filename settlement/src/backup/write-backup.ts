import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { sql } from 'drizzle-orm'
import { type Database, LostRace, rows, transact } from '../db/database.ts'
import { known } from '../db/migrate.ts'
import { livingKeys, subjectKeys } from '../log/subject-keys.ts'
import { type CatalogTable, partitionsOf, qualified, sequencesOf, tablesOf } from './catalog.ts'
import { parseRow } from './exact-json.ts'
import { type BackupTable, fileOf, MANIFEST, type Manifest, newManifest } from './manifest.ts'
import { type BackupKey, keylessOwners, ownerColumns, sealPlanOf, sealRow } from './seal-rows.ts'

/** Between making keys and the snapshot somebody new may come; not every time. */
const SNAPSHOTS_MAX = 10
/** Rows that are in memory at once, of a kilobyte or so each. */
const FETCH_ROWS = 2_000

/**
 * Numbers of transactions mean nothing on another server: what the roll-up of usage has not taken yet is 1, the rest 0,
 * and `loadBackup` sets its mark between them.
 */
const INSTEAD: Readonly<Record<string, string>> = {
  'settled_receipt.booked_by': `(select ((r.booked_by, r.session, r.sequence)
    > (m.booked_by, m.session, m.sequence))::int4 from usage_mark m)`,
}

/** Keys are in no backup: a restore takes them from the vault, which has those that are left. */
const WITHOUT = ['subject_key', 'document_key']

/**
 * Writes every table, as of one moment, into a new folder that only this user can read. What an erasure would take is sealed
 * with the keys of those whom it is about: who loses the key is erased from every backup. What it wrote is on the disk when it
 * returns.
 *
 * @param folder must not exist
 * @param at milliseconds since 1970
 */
export async function writeBackup(db: Database, folder: string, at: number): Promise<Manifest> {
  await mkdir(folder, { recursive: false, mode: 0o700 })
  try {
    return await writeKeyed(db, folder, at)
  } catch (error) {
    // What is there of it is no backup, and holds personal data that nobody would look for.
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function writeKeyed(db: Database, folder: string, at: number): Promise<Manifest> {
  for (let attempt = 1; ; attempt++) {
    await transact(db, async (tx) => {
      await subjectKeys(tx, await keylessOwners(tx), at, randomBytes)
    })
    try {
      return await writeAll(db, folder, at)
    } catch (error) {
      if (!(error instanceof LostRace) || attempt >= SNAPSHOTS_MAX) throw error
    }
  }
}

async function writeAll(db: Database, folder: string, at: number): Promise<Manifest> {
  const manifest = await transact(
    db,
    async (tx) => {
      const keys = await keysOf(tx)
      const migrations = (await known(tx)).map(({ name }) => name)
      const tables: BackupTable[] = []
      for (const table of await tablesOf(tx)) {
        if (!WITHOUT.includes(table.name)) tables.push(await writeTable(tx, folder, table, keys))
      }
      return newManifest({
        at: new Date(at).toISOString(),
        migrations,
        tables,
        partitions: await partitionsOf(tx),
        // Last, for sequences are in no snapshot: each is then beyond every row that was written.
        sequences: await sequencesOf(tx),
      })
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  )
  await writeDurably(folder, MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`)
  return manifest
}

/** Everybody's. Who came just now has none: then the snapshot is taken again. */
async function keysOf(tx: Database): Promise<ReadonlyMap<string, BackupKey>> {
  if ((await keylessOwners(tx)).length > 0) throw new LostRace('somebody has no key yet')
  return new Map(
    (await livingKeys(tx)).map(({ owner, subject, key }) => [
      owner,
      { subject: Buffer.from(subject).toString('hex'), key },
    ]),
  )
}

async function writeTable(
  tx: Database,
  folder: string,
  { name, columns }: CatalogTable,
  keys: ReadonlyMap<string, BackupKey>,
): Promise<BackupTable> {
  const plan = await sealPlanOf(tx, name)
  const written = (line: string): string =>
    plan.groups.length === 0 ? line : JSON.stringify(sealRow(plan, parseRow(line), keys))
  await using file = new HashedFile(fileOf(folder, name))
  const selected = columns.map((column) => {
    const instead = INSTEAD[`${name}.${column}`]
    return instead === undefined ? `r."${column}"` : `${instead} as "${column}"`
  })
  await tx.execute(
    sql.raw(
      `declare backup no scroll cursor for
       select row_to_json(x)::text as line from (select ${[...selected, ...ownerColumns(plan)].join(', ')} from ${qualified(name)} r) x`,
    ),
  )
  let count = 0
  for (;;) {
    const lines = await rows<{ line: string }>(tx, sql.raw(`fetch ${FETCH_ROWS} from backup`))
    if (lines.length === 0) break
    count += lines.length
    await file.write(lines.map(({ line }) => `${written(line)}\n`).join(''))
  }
  await tx.execute(sql.raw('close backup'))
  return { name, columns: [...columns], rows: count, sha256: await file.close() }
}

/** A compressed file, of which the digest is known when it is written. */
class HashedFile implements AsyncDisposable {
  readonly #hash = createHash('sha256')
  readonly #gzip = createGzip({ level: 3 })
  readonly #written: Promise<void>

  constructor(path: string) {
    const file = createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true })
    this.#gzip.on('data', (bytes: Buffer) => this.#hash.update(bytes))
    this.#written = pipeline(this.#gzip, file)
    // Whoever writes or closes is told.
    this.#written.catch(() => undefined)
  }

  async write(text: string): Promise<void> {
    if (!this.#gzip.write(text)) await Promise.race([once(this.#gzip, 'drain'), this.#written])
  }

  async close(): Promise<string> {
    this.#gzip.end()
    await this.#written
    return this.#hash.digest('hex')
  }

  /** Of a file that was not closed, nothing more is written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#gzip.destroy()
    await this.#written.catch(() => undefined)
  }
}

async function writeDurably(folder: string, name: string, text: string): Promise<void> {
  const part = join(folder, `${name}.part`)
  const file = await open(part, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(part, join(folder, name))
  const directory = await open(folder)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
