import {
  asHanseError,
  bytesEqual,
  decodeEntryBundle,
  HanseError,
  parseTilePath,
  type TileName,
  TileReader,
  tileAt,
} from '@hanse/protocol'
import type { ReportDraft } from './report.ts'
import type { LogSource } from './source.ts'

/** The first ones; a damaged folder can have any number. */
const REPORTED_MAX = 16
const HASH_BYTES = 32

/**
 * Compares the tiles that are there besides those of the checkpoint: partial ones of smaller trees, which whoever holds
 * an older checkpoint may be served, and ones that a larger tree has begun. The tree's own tiles were found right before.
 */
export async function checkOtherTiles(
  source: LogSource,
  size: bigint,
  draft: ReportDraft,
): Promise<void> {
  if (source.paths === undefined) return
  const reader = new TileReader(source.tile, size)
  let compared = 0
  let beyond = 0
  let wrong = 0
  try {
    for await (const path of source.paths()) {
      const name = nameOf(path)
      const own = name && tileAt(name.level, name.index, size)
      if (name === undefined || own?.width === name.width) continue
      if (own === undefined) {
        beyond++
        continue
      }
      const why = await compare(source, reader, path, name, own)
      compared++
      if (why === undefined) continue
      draft.fail('other tiles', 'HANSE_LOG_TILE', `${path}: ${why}`)
      if (++wrong === REPORTED_MAX) return
    }
  } catch (error) {
    const { code, message } = asHanseError(error)
    draft.fail('other tiles', code, message)
    return
  }
  if (wrong > 0) return
  if (compared > 0) draft.ok('other tiles', `${compared} of smaller or larger trees agree`)
  if (beyond > 0) draft.unproved('other tiles', `${beyond} beyond the checkpoint, not looked at`)
}

/** Files that are no tiles are nobody's business: a folder may hold what its owner likes. */
function nameOf(path: string): TileName | undefined {
  try {
    return parseTilePath(path)
  } catch {
    return undefined
  }
}

async function compare(
  source: LogSource,
  reader: TileReader,
  path: string,
  name: TileName,
  own: TileName,
): Promise<string | undefined> {
  try {
    const bytes = await source.tile(path)
    if (bytes === undefined) return undefined
    const items = decode(name, bytes)
    const expected = await reader.tile(own.level, own.index)
    const shared = Math.min(items.length, expected.length)
    for (let i = 0; i < shared; i++) {
      const [item, other] = [items[i], expected[i]]
      if (item === undefined || other === undefined || !bytesEqual(item, other)) {
        return `not what is in the tree, from ${i} on`
      }
    }
    return undefined
  } catch (error) {
    return asHanseError(error).message
  }
}

function decode({ level, width }: TileName, bytes: Uint8Array): Uint8Array[] {
  if (level === 'entries') return decodeEntryBundle(bytes, width)
  if (bytes.byteLength !== width * HASH_BYTES) {
    throw new HanseError('HANSE_LOG_TILE', `${bytes.byteLength} bytes for ${width} hashes`)
  }
  return Array.from({ length: width }, (_, i) =>
    bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES),
  )
}
