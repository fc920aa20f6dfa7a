import { opendir, readFile, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { HanseError } from '@hanse/protocol'
import { bytesMaxOf, type LogSource, noCheckpoint, tooLarge } from './source.ts'

/** A log in a folder, laid out as C2SP tlog-tiles serves it: `DIR/checkpoint`, `DIR/tile/0/000`, … */
export function directorySource(folder: string): LogSource {
  return {
    name: folder,
    tile: async (path) => readResource(folder, path),
    checkpoint: async () => {
      const bytes = await readResource(folder, 'checkpoint')
      if (bytes === undefined) throw noCheckpoint(folder)
      return bytes
    },
    hasEntries: async () => {
      for await (const _ of filesBelow(folder, 'tile/entries')) return true
      return false
    },
    paths: () => filesBelow(folder, 'tile'),
  }
}

async function readResource(folder: string, path: string): Promise<Uint8Array | undefined> {
  const file = join(folder, ...path.split('/'))
  const max = bytesMaxOf(path)
  try {
    // Looked at first: opening a pipe would wait for somebody to write to it.
    const facts = await stat(file)
    if (!facts.isFile()) throw new HanseError('HANSE_LOG_TILE', `${path} is not a file`)
    if (facts.size > max) throw tooLarge(path)
    const bytes = await readFile(file)
    // The file may have grown since.
    if (bytes.byteLength > max) throw tooLarge(path)
    return new Uint8Array(bytes)
  } catch (cause) {
    if (cause instanceof HanseError) throw cause
    const code = codeOf(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new HanseError('HANSE_LOG_TILE_MISSING', `cannot read ${path}: ${code}`, { cause })
  }
}

/** Paths below `folder`, with slashes on every system. */
async function* filesBelow(folder: string, path: string): AsyncGenerator<string> {
  let entries: Awaited<ReturnType<typeof opendir>>
  try {
    entries = await opendir(join(folder, ...path.split('/')))
  } catch (cause) {
    const code = codeOf(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return
    throw new HanseError('HANSE_LOG_TILE_MISSING', `cannot read ${path}: ${code}`, { cause })
  }
  for await (const entry of entries) {
    const below = `${path}/${entry.name}`.replaceAll(sep, '/')
    if (entry.isDirectory()) yield* filesBelow(folder, below)
    else yield below
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
