import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { SettlementError } from '../errors.ts'
import { type CatalogTable, qualified, tablesOf } from './catalog.ts'
import { type BackupTable, fileOf, type Manifest, readManifest } from './manifest.ts'

/** Rows and characters of one statement. */
const BATCH_ROWS = 1_000
const BATCH_CHARACTERS = 8 * 1024 * 1024

/** A service that has run once has logged its key. */
const TELLS_USE = ['log_event', 'organization', 'provider', 'ledger_account']

/** Every file is what was written. @throws {SettlementError} HANSE_BACKUP_INVALID */
export async function checkBackup(folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder)
  for (const table of manifest.tables) await checkFile(folder, table)
  return manifest
}

/**
 * Fills a database that nobody has used with a backup that was checked, in one transaction. Its schema must be as old as
 * the backup.
 *
 * @throws {SettlementError} HANSE_RESTORE_TARGET when the database has been used
 */
export async function loadBackup(db: Database, folder: string): Promise<Manifest> {
  const manifest = await readManifest(folder)
  await db.transaction(async (tx) => {
    refuseForeign(manifest, await tablesOf(tx))
    await clear(tx)
    for (const { name, parent, bound } of manifest.partitions) {
      await tx.execute(
        sql.raw(
          `create table if not exists ${qualified(name)} partition of ${qualified(parent)} ${bound}`,
        ),
      )
    }
    for (const table of manifest.tables) await loadTable(tx, folder, table)
    for (const { name, value } of manifest.sequences) {
      await tx.execute(sql`select setval(${`public.${name}`}::regclass, ${value}::int8)`)
    }
    // Between what was rolled up and what was not: see `writeBackup`.
    await tx.execute(
      sql.raw(`do $$ begin if to_regclass('usage_mark') is not null then
        update usage_mark set booked_by = 1, session = '', sequence = -1; end if; end $$`),
    )
  })
  return manifest
}

/** A manifest is a file that anybody may have written: it fills tables of ours, and makes partitions of them alone. */
function refuseForeign({ tables, partitions }: Manifest, own: readonly CatalogTable[]): void {
  for (const { name, columns } of tables) {
    const table = own.find((known) => known.name === name)
    if (table === undefined) throw invalid(`${name} is no table of this schema`)
    const foreign = columns.find((column) => !table.columns.includes(column))
    if (foreign !== undefined) throw invalid(`${name} has no column ${foreign}`)
  }
  for (const { name, parent } of partitions) {
    if (!own.some((table) => table.name === parent)) {
      throw invalid(`${parent} is no table of this schema`)
    }
    if (!name.startsWith(`${parent}_`) || own.some((table) => table.name === name)) {
      throw invalid(`${name} is no partition of ${parent}`)
    }
  }
}

/** Rows that migrations made are in the backup too. */
async function clear(tx: Database): Promise<void> {
  const tables = await tablesOf(tx)
  const filled: string[] = []
  for (const { name } of tables.toReversed()) {
    const [row] = await rows(tx, sql.raw(`select from ${qualified(name)} limit 1`))
    if (row !== undefined) filled.push(name)
  }
  const used = filled.find((name) => TELLS_USE.includes(name))
  if (used !== undefined) {
    throw new SettlementError('HANSE_RESTORE_TARGET', `the database has rows in ${used}`)
  }
  for (const name of filled) await tx.execute(sql.raw(`delete from ${qualified(name)}`))
}

async function loadTable(tx: Database, folder: string, table: BackupTable): Promise<void> {
  const columns = table.columns.map((column) => `"${column}"`).join(', ')
  const insert = sql.raw(`insert into ${qualified(table.name)} (${columns}) overriding system value
    select ${columns} from json_populate_recordset(null::${qualified(table.name)}, `)
  let batch: string[] = []
  let characters = 0
  let count = 0
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return
    await tx.execute(sql`${insert}${`[${batch.join(',')}]`}::text::json)`)
    count += batch.length
    batch = []
    characters = 0
  }
  for await (const line of linesOf(fileOf(folder, table.name), table.name)) {
    batch.push(line)
    characters += line.length
    if (batch.length >= BATCH_ROWS || characters >= BATCH_CHARACTERS) await flush()
  }
  await flush()
  if (count !== table.rows) {
    throw invalid(`${table.name} has ${count} rows, not ${table.rows}`)
  }
}

async function* linesOf(path: string, table: string): AsyncGenerator<string> {
  const unpacked = createGunzip()
  // What goes wrong reading reaches whoever reads `unpacked`.
  pipeline(createReadStream(path), unpacked, () => undefined)
  try {
    yield* createInterface({ input: unpacked })
  } catch (cause) {
    throw new SettlementError('HANSE_BACKUP_INVALID', `${table} cannot be read`, { cause })
  } finally {
    unpacked.destroy()
  }
}

async function checkFile(folder: string, { name, sha256 }: BackupTable): Promise<void> {
  const hash = createHash('sha256')
  try {
    for await (const bytes of createReadStream(fileOf(folder, name))) hash.update(bytes as Buffer)
  } catch (cause) {
    throw new SettlementError('HANSE_BACKUP_INVALID', `${name} cannot be read`, { cause })
  }
  if (hash.digest('hex') !== sha256) throw invalid(`${name} is not the file that was written`)
}

const invalid = (message: string) => new SettlementError('HANSE_BACKUP_INVALID', message)
