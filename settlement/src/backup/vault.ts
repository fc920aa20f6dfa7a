import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { SettlementStore } from '../db/store.ts'
import {
  mergedKeys,
  type VaultDocumentKey,
  vaultDocumentKey,
} from '../documents/vault-document-keys.ts'
import { SettlementError } from '../errors.ts'
import { tombstoneOfOwner } from '../rights/tombstone.ts'
import { dutyToClose } from './duty-key.ts'

const KEYS = 'keys.jsonl'
const ERASURES = 'erasures.jsonl'
/** Keys of documents, which law wants kept longer than those whom they name. */
const DOCUMENTS = 'document-keys.jsonl'

const hex = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`, 'u'))

const vaultKey = z.strictObject({
  /** `organization/…`, `provider/…`, `person/…`, or the platform itself. */
  owner: z.string().regex(/^(?:platform$|(?:organization|provider|person)\/.)/u),
  subject: hex(16),
  key: hex(32),
  /** Milliseconds since 1970. */
  createdAt: z.number(),
})
export type VaultKey = z.output<typeof vaultKey>

const tombstone = z.strictObject({
  tombstone: hex(32),
  subject: z.string().regex(/^(?:[0-9a-f]{2}){1,32}$/u),
  kind: z.enum(['person', 'organization', 'provider']),
  at: z.number(),
})
export type VaultTombstone = z.output<typeof tombstone>

/** What backups do not have: the keys to them, and who was erased. */
export interface Vault {
  readonly keys: readonly VaultKey[]
  readonly tombstones: readonly VaultTombstone[]
  readonly documents: readonly VaultDocumentKey[]
}

export const vaultFolder = (dataDir: string): string => join(dataDir, 'vault')

/** Empty where there is none. @throws {SettlementError} HANSE_BACKUP_VAULT when it cannot be read */
export async function readVault(folder: string): Promise<Vault> {
  return {
    keys: await readLines(join(folder, KEYS), vaultKey),
    tombstones: await readLines(join(folder, ERASURES), tombstone),
    documents: await readLines(join(folder, DOCUMENTS), vaultDocumentKey),
  }
}

/**
 * Brings the vault up to what the database has: new keys are added, and those of who was erased go, here or in any database that
 * shares the vault. Nothing else is taken out of it, so a database that is empty, or was set back, does no harm. There is one
 * copy of each key, and the old file is overwritten before it is let go.
 */
export function keepVault(store: SettlementStore, folder: string): Promise<Vault> {
  const kept = (keeping.get(folder) ?? Promise.resolve()).then(() => keep(store, folder))
  const settled = kept.then(
    () => undefined,
    () => undefined,
  )
  keeping.set(folder, settled)
  return kept
}

/** One at a time: of two that read the same, the later would bring back what the earlier took out. */
const keeping = new Map<string, Promise<void>>()

async function keep(store: SettlementStore, folder: string): Promise<Vault> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const held = await readVault(folder)
  const known = new Set(held.tombstones.map((one) => one.tombstone))
  const added = (await store.tombstones()).filter((one) => !known.has(one.tombstone))
  // First who was erased: after a crash in between the keys go the next time.
  await append(join(folder, ERASURES), added)
  for (const one of added) known.add(one.tombstone)
  const keys = new Map(held.keys.map((one) => [one.subject, one]))
  for (const one of await store.livingSubjectKeys()) keys.set(one.subject, one)
  const left = [...keys.values()].filter(({ owner }) => !known.has(tombstoneOfOwner(owner)))
  const isSame =
    left.length === held.keys.length && left.every((one, i) => one.key === held.keys[i]?.key)
  if (!isSame) await replace(join(folder, KEYS), left)
  const documents = await keepDocumentKeys(store, folder, held.documents)
  return { keys: left, tombstones: [...held.tombstones, ...added], documents }
}

/** Of who was erased they are put into boxes first, here and in the database: see `dutyToClose`. */
async function keepDocumentKeys(
  store: SettlementStore,
  folder: string,
  held: readonly VaultDocumentKey[],
): Promise<readonly VaultDocumentKey[]> {
  await store.boxDocumentKeys(await dutyToClose(folder))
  const merged = mergedKeys(held, await store.documentKeys())
  const isSame = merged.length === held.length && merged.every((one, i) => one === held[i])
  if (!isSame) await replace(join(folder, DOCUMENTS), merged)
  return merged
}

async function readLines<Line>(path: string, schema: z.ZodType<Line>): Promise<Line[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new SettlementError('HANSE_BACKUP_VAULT', `${path} cannot be read`, { cause: error })
  }
  try {
    // A line that a crash cut off was not promised to anybody: it has no end, and is written again.
    const lines = text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .slice(0, -1)
    return lines.map((line) => schema.parse(JSON.parse(line)))
  } catch (cause) {
    throw new SettlementError('HANSE_BACKUP_VAULT', `${path} is not what was written`, { cause })
  }
}

const linesOf = (rows: readonly object[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('')

async function append(path: string, rows: readonly object[]): Promise<void> {
  if (rows.length === 0) return
  await dropCutLine(path)
  await using file = await open(path, 'a', 0o600)
  await file.writeFile(linesOf(rows))
  await file.sync()
}

async function dropCutLine(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const whole = Buffer.byteLength(text.slice(0, text.lastIndexOf('\n') + 1))
  if (whole === Buffer.byteLength(text)) return
  await using file = await open(path, 'r+')
  await file.truncate(whole)
}

async function replace(path: string, rows: readonly object[]): Promise<void> {
  const part = `${path}.${process.pid}.part`
  {
    await using file = await open(part, 'w', 0o600)
    await file.writeFile(linesOf(rows))
    await file.sync()
  }
  const old = await open(path, 'r+').catch(() => undefined)
  await rename(part, path)
  if (old === undefined) return
  // As far as the file system writes in place: elsewhere its blocks are free, and no more can be done from here.
  await using _ = old
  await old.write(Buffer.alloc((await old.stat()).size), 0, undefined, 0)
  await old.sync()
}
