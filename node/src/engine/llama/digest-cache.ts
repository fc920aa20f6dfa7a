import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseJsonObject } from '../json.ts'
import type { FileStamp } from './gguf-file.ts'
import { digestOf } from './llama-model.ts'

/**
 * SHA-256 of a model's file, in hex. Hashing a large one takes a minute, so what was hashed is remembered in `folder`,
 * as long as the file has the same size and time. The folder is only for speed: it may be lost or not writable.
 */
export async function rememberedDigestOf(
  path: string,
  stamp: FileStamp,
  folder: string | null,
): Promise<string> {
  if (folder === null) return await digestOf(path)
  const note = join(folder, `${createHash('sha256').update(resolve(path)).digest('hex')}.json`)
  const known = await recall(note, stamp)
  if (known !== undefined) return known
  const digest = await digestOf(path)
  await remember(folder, note, { path: resolve(path), ...stamp, digest }).catch(() => {})
  return digest
}

async function recall(note: string, stamp: FileStamp): Promise<string | undefined> {
  const known = parseJsonObject(await readFile(note).catch(() => ''))
  if (known?.sizeBytes !== stamp.sizeBytes || known.modifiedMs !== stamp.modifiedMs)
    return undefined
  const { digest } = known
  return typeof digest === 'string' && /^[0-9a-f]{64}$/u.test(digest) ? digest : undefined
}

async function remember(folder: string, note: string, known: object): Promise<void> {
  await mkdir(folder, { recursive: true })
  const draft = `${note}.${randomUUID()}`
  try {
    await writeFile(draft, JSON.stringify(known))
    await rename(draft, note)
  } finally {
    await rm(draft, { force: true })
  }
}
