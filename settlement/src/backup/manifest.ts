import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { SettlementError } from '../errors.ts'

export const MANIFEST = 'manifest.json'
/** What is personal is sealed in it, and it has no keys. */
const FORMAT = 'hanse-settlement-backup-2'
/** With everything in the clear, and with keys. */
const FORMER = 'hanse-settlement-backup-1'

const name = z.string().regex(/^[a-z_][a-z0-9_]*$/u)
/** As PostgreSQL writes it; it becomes part of a statement. */
const bound = z.string().regex(/^(?:DEFAULT|FOR VALUES FROM \('[^']*'\) TO \('[^']*'\))$/u)

/** What is in a backup. It is written last: a folder without one is no backup. */
const manifest = z.strictObject({
  format: z.enum([FORMAT, FORMER]),
  /** When the snapshot was taken, ISO 8601. */
  at: z.iso.datetime(),
  /** The schema's version: the migrations that the database had had. */
  migrations: z.array(z.string().regex(/^[\w.-]+$/u)),
  /** In the order in which they can be filled: nothing refers to what comes later. */
  tables: z.array(
    z.strictObject({
      name,
      columns: z.array(name),
      rows: z.int().min(0),
      /** Of the file, which is the table's name with `.jsonl.gz`. */
      sha256: z.string().regex(/^[0-9a-f]{64}$/u),
    }),
  ),
  partitions: z.array(z.strictObject({ name, parent: name, bound })),
  sequences: z.array(z.strictObject({ name, value: z.string().regex(/^-?\d+$/u) })),
})
export type Manifest = z.output<typeof manifest>
export type BackupTable = Manifest['tables'][number]

export const newManifest = (rest: Omit<Manifest, 'format'>): Manifest => ({
  format: FORMAT,
  ...rest,
})

export const fileOf = (folder: string, table: string): string => join(folder, `${table}.jsonl.gz`)

/** @throws {SettlementError} HANSE_BACKUP_INVALID */
export async function readManifest(folder: string): Promise<Manifest> {
  let text: string
  try {
    text = await readFile(join(folder, MANIFEST), 'utf8')
  } catch (cause) {
    throw new SettlementError('HANSE_BACKUP_INVALID', `${folder} has no ${MANIFEST}`, { cause })
  }
  try {
    return manifest.parse(JSON.parse(text))
  } catch (cause) {
    throw new SettlementError('HANSE_BACKUP_INVALID', `${folder}: ${MANIFEST} is not one`, {
      cause,
    })
  }
}

/**
 * The backup in this folder, or of those in its folders the newest that was made by `toTime`.
 *
 * @param toTime milliseconds since 1970
 * @throws {SettlementError} HANSE_BACKUP_INVALID when there is none
 */
export async function findBackup(from: string, toTime?: number): Promise<string> {
  const entries = await readdir(from, { withFileTypes: true }).catch(() => [])
  const isOne = entries.some((entry) => entry.name === MANIFEST)
  const folders = isOne
    ? [from]
    : entries.filter((entry) => entry.isDirectory()).map((entry) => join(from, entry.name))
  let best: { folder: string; at: number } | undefined
  for (const folder of folders) {
    const at = await readManifest(folder)
      .then((found) => Date.parse(found.at))
      .catch(() => undefined)
    if (at === undefined || (toTime !== undefined && at > toTime)) continue
    if (best === undefined || at > best.at) best = { folder, at }
  }
  if (best !== undefined) return best.folder
  const by = toTime === undefined ? '' : ` by ${new Date(toTime).toISOString()}`
  throw new SettlementError('HANSE_BACKUP_INVALID', `${from} has no backup${by}`)
}
