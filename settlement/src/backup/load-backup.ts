import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { documentKey } from '../db/schema.ts'
import type { VaultDocumentKey } from '../documents/vault-document-keys.ts'
import { SettlementError } from '../errors.ts'
import { REGISTER } from '../rights/register/index.ts'
import { tombstoneOfOwner } from '../rights/tombstone.ts'
import { type CatalogTable, qualified, tablesOf } from './catalog.ts'
import { parseRow } from './exact-json.ts'
import { type BackupTable, fileOf, type Manifest, readManifest } from './manifest.ts'
import { type Opening, openRow, type Row, type SealPlan, sealPlanOf } from './seal-rows.ts'
import type { Vault } from './vault.ts'

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

/** What came of it. */
export interface Loaded {
  readonly manifest: Manifest
  /** Rows that were left out, by table, since those whom they are about were erased. */
  readonly leftOut: Readonly<Record<string, number>>
}

/**
 * Fills a database that nobody has used with a backup that was checked, in one transaction. Its schema must be as old as
 * the backup. Rows about those who were erased since come as an erasure leaves them: nothing of them is written in between.
 *
 * @throws {SettlementError} HANSE_RESTORE_TARGET when the database has been used; HANSE_BACKUP_VAULT when the vault has not
 * the key of somebody who was not erased
 */
export async function loadBackup(db: Database, folder: string, vault: Vault): Promise<Loaded> {
  const manifest = await readManifest(folder)
  const loading: Loading = {
    keys: new Map(vault.keys.map(({ subject, key }) => [subject, Buffer.from(key, 'hex')])),
    tombstones: new Set(vault.tombstones.map(({ tombstone }) => tombstone)),
    documentKeys: new Set(vault.documents.map(({ id }) => id)),
    gone: new Map(),
    leftOut: {},
  }
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
    for (const table of manifest.tables) await loadTable(tx, folder, table, loading)
    await loadKeys(tx, vault)
    await loadDocumentKeys(tx, vault)
    for (const { name, value } of manifest.sequences) {
      await tx.execute(sql`select setval(${`public.${name}`}::regclass, ${value}::int8)`)
    }
    // Between what was rolled up and what was not: see `writeBackup`.
    await tx.execute(
      sql.raw(`do $$ begin if to_regclass('usage_mark') is not null then
        update usage_mark set booked_by = 1, session = '', sequence = -1; end if; end $$`),
    )
  })
  return { manifest, leftOut: loading.leftOut }
}

interface Loading extends Opening {
  /** Ids of the keys of documents that are in the vault: open, in a box, or destroyed. */
  readonly documentKeys: ReadonlySet<string>
  /** Of rows that were left out, what others know them by: `table.key`, and the values. */
  readonly gone: Map<string, Set<unknown>>
  readonly leftOut: Record<string, number>
}

/** Those that are left, and that there were others. */
async function loadKeys(tx: Database, vault: Vault): Promise<void> {
  // Of an owner with several the newest is used on; the others open what was sealed with them no more than backups.
  const newest = new Map(
    vault.keys.toSorted((a, b) => a.createdAt - b.createdAt).map((one) => [one.owner, one]),
  )
  for (const { owner, subject, key, createdAt } of newest.values()) {
    await tx.execute(sql`insert into subject_key (subject, owner, key, created_at)
      values (decode(${subject}, 'hex'), ${owner}, decode(${key}, 'hex'), to_timestamp(${createdAt}::float8 / 1000))
      on conflict do nothing`)
  }
  for (const { subject, at } of vault.tombstones) {
    await tx.execute(sql`insert into subject_key (subject, created_at, erased_at)
      values (decode(${subject}, 'hex'), to_timestamp(${at}::float8 / 1000), to_timestamp(${at}::float8 / 1000))
      on conflict do nothing`)
  }
}

/** Each in the state in which the vault has it. Before there were any, nothing was sealed. */
async function loadDocumentKeys(tx: Database, { documents }: Vault): Promise<void> {
  const [there] = await rows(tx, sql`select from pg_class where oid = to_regclass('document_key')`)
  if (there === undefined) return
  for (let i = 0; i < documents.length; i += BATCH_ROWS) {
    await tx.insert(documentKey).values(documents.slice(i, i + BATCH_ROWS).map(documentKeyRow))
  }
}

const documentKeyRow = (given: VaultDocumentKey): typeof documentKey.$inferInsert => ({
  id: bytesOf(given.id),
  organization: given.organization,
  provider: given.provider,
  year: given.year,
  key: given.key === null ? null : bytesOf(given.key),
  boxed: given.boxed === null ? null : bytesOf(given.boxed),
  duty: given.duty === null ? null : bytesOf(given.duty),
  createdAt: new Date(given.createdAt),
  restrictedAt: given.restrictedAt === null ? null : new Date(given.restrictedAt),
  destroyedAt: given.destroyedAt === null ? null : new Date(given.destroyedAt),
})

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

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

async function loadTable(
  tx: Database,
  folder: string,
  table: BackupTable,
  loading: Loading,
): Promise<void> {
  const plan = await sealPlanOf(tx, table.name)
  const columns = table.columns.map((column) => `"${column}"`).join(', ')
  const insert = sql.raw(`insert into ${qualified(table.name)} (${columns}) overriding system value
    select ${columns} from json_populate_recordset(null::${qualified(table.name)}, `)
  let batch: string[] = []
  let characters = 0
  let lines = 0
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return
    await tx.execute(sql`${insert}${`[${batch.join(',')}]`}::text::json)`)
    batch = []
    characters = 0
  }
  for await (const line of linesOf(fileOf(folder, table.name), table.name)) {
    lines++
    const loaded = loadedLine(plan, line, loading)
    if (loaded === undefined) continue
    batch.push(loaded)
    characters += loaded.length
    if (batch.length >= BATCH_ROWS || characters >= BATCH_CHARACTERS) await flush()
  }
  await flush()
  if (lines !== table.rows) {
    throw invalid(`${table.name} has ${lines} rows, not ${table.rows}`)
  }
}

/** The row as the database shall have it; undefined where it shall not. */
function loadedLine(plan: SealPlan, line: string, loading: Loading): string | undefined {
  const { table } = plan
  const record = REGISTER[table]
  const isKey = table === 'subject_key'
  if (record?.whose === undefined && record?.of === undefined && !isKey) return line
  const stored = parseRow(line)
  const row = isDropped(table, stored, loading) ? undefined : openRow(plan, stored, loading)
  if (row === 'unreadable' || !hasDocumentKey(stored, loading)) {
    throw new SettlementError('HANSE_BACKUP_VAULT', `no key for a row of ${table}`)
  }
  if (row !== undefined) return JSON.stringify(row)
  loading.leftOut[table] = (loading.leftOut[table] ?? 0) + 1
  for (const [name, gone] of goneOf(table, loading)) gone.add(stored[name])
  return undefined
}

/** Of a sealed document the vault knows the key; other rows need none. */
function hasDocumentKey({ sealed_by: by }: Row, { documentKeys }: Loading): boolean {
  return typeof by !== 'string' || documentKeys.has(by.replace(/^\\x/u, ''))
}

/** What belongs to a row that is gone, and keys in a backup from when backups had them. */
function isDropped(table: string, row: Row, { gone, tombstones }: Loading): boolean {
  if (table === 'subject_key') {
    return typeof row.owner === 'string' && tombstones.has(tombstoneOfOwner(row.owner))
  }
  const of = REGISTER[table]?.of
  return of !== undefined && gone.get(`${of.table}.${of.key}`)?.has(row[of.column]) === true
}

/** The keys that rows of other tables know this table's rows by. */
function goneOf(table: string, { gone }: Loading): [string, Set<unknown>][] {
  const names = new Set(
    Object.values(REGISTER).flatMap(({ of }) => (of?.table === table ? [of.key] : [])),
  )
  return [...names].map((name) => {
    const values = gone.get(`${table}.${name}`) ?? new Set()
    gone.set(`${table}.${name}`, values)
    return [name, values]
  })
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
