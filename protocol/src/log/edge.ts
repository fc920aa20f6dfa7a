import { HanseError } from '../errors.ts'
import { bytesEqual, concat } from '../wire.ts'
import { encodeEntryBundle } from './entry-bundle.ts'
import { emptyRoot, leafHash } from './hash.ts'
import { TILE_WIDTH, tilePath } from './tile-path.ts'
import type { TileReader } from './tile-reader.ts'
import { tileRows } from './tile-shape.ts'
import { rootOfLeaves } from './tree.ts'

type NamedTile = readonly [path: string, bytes: Uint8Array]

/** A partial tile that grows at the right edge of the tree. */
interface Row {
  /** Full tiles to its left. */
  index: bigint
  /** Fewer than 256. */
  readonly hashes: Uint8Array[]
}

/**
 * The right edge of a tiled tree: the partial tile of each level and the partial bundle, which is all that appending
 * needs. At most eight levels of 255 hashes, whatever the size of the log.
 */
export class TileEdge {
  readonly #rows: Row[] = []
  readonly #entries: Uint8Array[] = []
  #size = 0n

  get size(): bigint {
    return this.#size
  }

  /** Reads the edge of the tree that `reader` reads. @throws {HanseError} HANSE_LOG_TILE, HANSE_LOG_TILE_MISSING */
  static async read(reader: TileReader): Promise<TileEdge> {
    const edge = new TileEdge()
    edge.#size = reader.size
    for (const { level, fullTiles, partialWidth } of tileRows(reader.size)) {
      const hashes = partialWidth > 0 ? await reader.tile(level, fullTiles) : []
      edge.#rows.push({ index: fullTiles, hashes: [...hashes] })
      if (level === 0 && partialWidth > 0) {
        edge.#entries.push(...(await readBundle(reader, fullTiles, hashes)))
      }
    }
    return edge
  }

  /** A copy to append to, so that a commit that fails leaves this one as it was. */
  copy(): TileEdge {
    const copy = new TileEdge()
    copy.#size = this.#size
    copy.#entries.push(...this.#entries)
    for (const { index, hashes } of this.#rows) copy.#rows.push({ index, hashes: [...hashes] })
    return copy
  }

  /** Appends entries. @returns every tile and bundle that is new or wider than before, the partial ones at their last width */
  append(entries: readonly Uint8Array[]): NamedTile[] {
    const tiles: NamedTile[] = []
    const grown = new Set<number>()
    for (const entry of entries) {
      this.#entries.push(entry)
      this.#push(0, leafHash(entry), tiles, grown)
      if (this.#entries.length === TILE_WIDTH) {
        tiles.push(this.#bundle((this.#rows[0]?.index ?? 1n) - 1n))
        this.#entries.length = 0
      }
    }
    this.#size += BigInt(entries.length)
    for (const level of grown) {
      const row = this.#rows[level]
      if (row !== undefined && row.hashes.length > 0) tiles.push(hashTile(level, row))
    }
    if (entries.length > 0 && this.#entries.length > 0) {
      tiles.push(this.#bundle(this.#rows[0]?.index ?? 0n))
    }
    return tiles
  }

  /**
   * Each level's partial tile, with the root of all below it as its last hash, is a tree of equal subtrees and a smaller
   * one: RFC 6962 splits both alike.
   */
  root(): Uint8Array {
    let below: Uint8Array | undefined
    for (const { hashes } of this.#rows) {
      const row = below === undefined ? hashes : [...hashes, below]
      if (row.length > 0) below = rootOfLeaves(row)
    }
    return below ?? emptyRoot()
  }

  #push(level: number, hash: Uint8Array, tiles: NamedTile[], grown: Set<number>): void {
    let row = this.#rows[level]
    if (row === undefined) {
      row = { index: 0n, hashes: [] }
      this.#rows.push(row)
    }
    row.hashes.push(hash)
    grown.add(level)
    if (row.hashes.length < TILE_WIDTH) return
    tiles.push(hashTile(level, row))
    const root = rootOfLeaves(row.hashes)
    row.hashes.length = 0
    row.index++
    this.#push(level + 1, root, tiles, grown)
  }

  #bundle(index: bigint): NamedTile {
    return [tilePath('entries', index, this.#entries.length), encodeEntryBundle(this.#entries)]
  }
}

/** A bundle that is not what was logged would be carried on into the next one. */
async function readBundle(
  reader: TileReader,
  index: bigint,
  hashes: readonly Uint8Array[],
): Promise<readonly Uint8Array[]> {
  const entries = await reader.tile('entries', index)
  if (entries.every((entry, i) => bytesEqual(leafHash(entry), hashes[i] ?? entry))) return entries
  throw new HanseError('HANSE_LOG_TILE', 'the last entries are not those in the tree')
}

function hashTile(level: number, { index, hashes }: Row): NamedTile {
  return [tilePath(level, index, hashes.length), concat(hashes)]
}
