import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LogWriter, MemoryLogStore, type NoteSigner, noteSignerOf } from '@hanse/protocol'
import { signerFrom } from '@hanse/protocol/testing'
import { exportLog } from '../export-log.ts'
import { storeSource } from '../sqlite-log-store.ts'

/** A key of a log that tests own. */
export const testSigner = (name = 'log.example/test', seed = 41): NoteSigner =>
  noteSignerOf(name, signerFrom(seed))

export const entryOf = (i: number, history = 'entry'): Uint8Array =>
  new TextEncoder().encode(`${history} ${i}`)

export const entriesOf = (from: number, to: number, history?: string): Uint8Array[] =>
  Array.from({ length: to - from }, (_, i) => entryOf(from + i, history))

/** Appends in batches that a writer takes. */
export async function appendAll(
  writer: LogWriter,
  entries: readonly Uint8Array[],
): Promise<string> {
  let { checkpoint } = await writer.append([])
  for (let at = 0; at < entries.length; at += 10_000) {
    checkpoint = (await writer.append(entries.slice(at, at + 10_000))).checkpoint
  }
  return checkpoint
}

/** A log of `size` entries in a folder. @returns its signed checkpoint */
export async function writeLogFolder(
  folder: string,
  size: number,
  { signer = testSigner(), history }: { signer?: NoteSigner; history?: string } = {},
): Promise<string> {
  const store = new MemoryLogStore()
  const checkpoint = await appendAll(
    await LogWriter.open(store, signer),
    entriesOf(0, size, history),
  )
  await exportLog(storeSource('memory', store), signer.vkey, folder)
  return checkpoint
}

export interface TemporaryFolder extends Disposable {
  readonly path: string
  readonly at: (name: string) => string
}

/** A folder that is gone after the test. */
export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), 'hanse-log-'))
  return {
    path,
    at: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}
