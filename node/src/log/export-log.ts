import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HanseError, openCheckpoint, tilePath, tileRows } from '@hanse/protocol'
import { directorySource } from './directory.ts'
import { type LogSource, textOf } from './source.ts'

export interface Exported {
  readonly size: bigint
  /** Files that were not there before, or were others. */
  readonly written: number
}

/**
 * Writes a log to a folder from which any web server can serve it. The checkpoint comes last, so that whoever reads
 * meanwhile finds every tile of the checkpoint that he sees; going on later writes what is new only.
 *
 * @throws {HanseError} HANSE_LOG_ORIGIN when the folder holds another log, HANSE_LOG_ROLLBACK when it holds more of this one,
 *   HANSE_LOG_TILE_MISSING
 */
export async function exportLog(
  source: LogSource,
  vkey: string,
  folder: string,
): Promise<Exported> {
  const checkpoint = await source.checkpoint()
  const { origin, size } = openCheckpoint(checkpoint, vkey)
  const target = directorySource(folder)
  await checkTarget(target, vkey, size)
  let written = 0
  const put = async (path: string, bytes: Uint8Array) => {
    const there = await target.tile(path).catch(() => undefined)
    if (there !== undefined && Buffer.compare(there, bytes) === 0) return
    await replaceFile(join(folder, ...path.split('/')), bytes)
    written++
  }
  for (const path of pathsOf(size)) {
    const bytes = await source.tile(path)
    if (bytes === undefined) {
      throw new HanseError('HANSE_LOG_TILE_MISSING', `${origin} has no ${path}`)
    }
    await put(path, bytes)
  }
  await put('checkpoint', checkpoint)
  return { size, written }
}

/** Every tile and bundle of a tree. */
export function* pathsOf(size: bigint): Generator<string> {
  for (const { level, fullTiles, partialWidth } of tileRows(size)) {
    for (const kind of level === 0 ? (['entries', 0] as const) : [level]) {
      for (let index = 0n; index < fullTiles; index++) yield tilePath(kind, index)
      if (partialWidth > 0) yield tilePath(kind, fullTiles, partialWidth)
    }
  }
}

async function checkTarget(target: LogSource, vkey: string, size: bigint): Promise<void> {
  const there = await target.checkpoint().catch(() => undefined)
  if (there === undefined) return
  let known: bigint
  try {
    known = openCheckpoint(textOf(there), vkey).size
  } catch (cause) {
    throw new HanseError('HANSE_LOG_ORIGIN', `${target.name} holds another log`, { cause })
  }
  if (known > size) {
    throw new HanseError(
      'HANSE_LOG_ROLLBACK',
      `${target.name} has ${known} entries, this log ${size}`,
    )
  }
}

/** A reader sees the old file or the new one, never half of it. */
async function replaceFile(file: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.${process.pid}.tmp`
  try {
    await writeFile(temporary, bytes)
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
