import { asHanseError, type ErrorCode, HanseError } from '../errors.ts'
import { bytesEqual } from '../wire.ts'
import type { Checkpoint } from './checkpoint.ts'
import { leafHash } from './hash.ts'
import { tilePath } from './tile-path.ts'
import { type FetchTile, TileReader } from './tile-reader.ts'
import { TILE_HEIGHT, tileAt, tileRows } from './tile-shape.ts'
import { Frontier, rootOfLeaves } from './tree.ts'

export interface Disagreement {
  /** The tile or bundle that is wrong or not there, or `checkpoint`. */
  readonly path: string
  readonly code: ErrorCode
  readonly reason: string
}

export interface Audit {
  /** No disagreement: the checkpoint's root is that of these tiles, and of the entries where they were looked at. */
  readonly ok: boolean
  /** The first ones; a damaged log can have any number. */
  readonly disagreements: readonly Disagreement[]
  /** Entries whose hash was compared with the tree. */
  readonly entriesChecked: bigint
  readonly tilesChecked: bigint
}

export interface AuditOptions {
  /** `require` is the default; `if-present` and `ignore` are for logs that keep entries elsewhere, or prune them. */
  readonly entries?: 'require' | 'if-present' | 'ignore'
  /** The audit stops after as many disagreements. */
  readonly disagreementsMax?: number
  readonly signal?: AbortSignal
}

const DISAGREEMENTS_MAX = 16
/** One tile of each level is open at a time, each with its partial neighbours. */
const CACHE_TILES = 32

/**
 * Reads every tile of the tree once, in order, and compares: entries with their leaf hashes, each full tile with the
 * hash of it one level up, and the root with the checkpoint's. Memory does not grow with the log.
 */
export async function auditTiles(
  fetch: FetchTile,
  { size, root }: Pick<Checkpoint, 'size' | 'root'>,
  options: AuditOptions = {},
): Promise<Audit> {
  const reader = new TileReader(fetch, size, { cacheTiles: CACHE_TILES })
  const max = options.disagreementsMax ?? DISAGREEMENTS_MAX
  const disagreements: Disagreement[] = []
  let entriesChecked = 0n
  let tilesChecked = 0n
  const attempt = async (path: string, check: () => Promise<void>): Promise<void> => {
    options.signal?.throwIfAborted()
    if (disagreements.length >= max) return
    try {
      await check()
    } catch (error) {
      disagreements.push(disagreementOf(path, error))
    }
  }
  const frontier = new Frontier()
  let isWhole = true
  for (const { level, fullTiles, partialWidth } of tileRows(size)) {
    const tiles = fullTiles + (partialWidth > 0 ? 1n : 0n)
    for (let index = 0n; index < tiles && disagreements.length < max; index++) {
      let hashes: readonly Uint8Array[] | undefined
      await attempt(pathOf(level, index, size), async () => {
        hashes = await reader.tile(level, index)
        tilesChecked++
        if (index < fullTiles) await compareWithParent(reader, level, index, hashes)
      })
      isWhole &&= hashes !== undefined
      if (level > 0) continue
      for (const hash of hashes ?? []) frontier.append(hash)
      if (options.entries === 'ignore') continue
      await attempt(pathOf('entries', index, size), async () => {
        const entries = await readEntries(reader, index, options.entries === 'if-present')
        if (hashes !== undefined) compareEntries(entries, hashes)
        entriesChecked += BigInt(entries.length)
      })
    }
  }
  // With a tile missing there is no root to compare, and the tile has been reported.
  if (isWhole) {
    await attempt('checkpoint', async () => {
      if (!bytesEqual(frontier.root(), root)) throw wrong('the leaves have another root')
    })
  }
  return { ok: disagreements.length === 0, disagreements, entriesChecked, tilesChecked }
}

async function compareWithParent(
  reader: TileReader,
  level: number,
  index: bigint,
  hashes: readonly Uint8Array[],
): Promise<void> {
  // Reports a missing parent at its own path, when its row is read.
  const parent = await reader.tile(level + 1, index >> BigInt(TILE_HEIGHT)).catch(() => undefined)
  const expected = parent?.[Number(index & 255n)]
  if (expected !== undefined && !bytesEqual(rootOfLeaves(hashes), expected)) {
    throw wrong(`its hash is not the one in the tile above`)
  }
}

async function readEntries(
  reader: TileReader,
  index: bigint,
  isOptional: boolean,
): Promise<readonly Uint8Array[]> {
  try {
    return await reader.tile('entries', index)
  } catch (error) {
    if (isOptional && asHanseError(error).code === 'HANSE_LOG_TILE_MISSING') return []
    throw error
  }
}

function compareEntries(entries: readonly Uint8Array[], hashes: readonly Uint8Array[]): void {
  const at = entries.findIndex((entry, i) => {
    const hash = hashes[i]
    return hash === undefined || !bytesEqual(leafHash(entry), hash)
  })
  if (at !== -1) throw wrong(`entry ${at} of the bundle is not the leaf in the tree`)
}

function pathOf(level: number | 'entries', index: bigint, size: bigint): string {
  return tilePath(level, index, tileAt(level, index, size)?.width)
}

function disagreementOf(path: string, error: unknown): Disagreement {
  const { code, message } = asHanseError(error)
  return { path, code, reason: message }
}

function wrong(why: string): HanseError {
  return new HanseError('HANSE_LOG_TILE', why)
}
