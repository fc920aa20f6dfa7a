import { HanseError } from '../errors.ts'
import { decodeEntryBundle, decodeHashTile } from './entry-bundle.ts'
import { emptyRoot, nodeHash } from './hash.ts'
import {
  consistencyRanges,
  inclusionRanges,
  type Node,
  type Range,
  wholeSubtrees,
} from './ranges.ts'
import { TILE_WIDTH, type TileName, tilePath } from './tile-path.ts'
import { nodeInTile, tileAt } from './tile-shape.ts'
import { rootOfLeaves } from './tree.ts'
import { isSize } from './verify.ts'

/** Gets a resource of the log by its path; `undefined` when the log does not have it. */
export type FetchTile = (path: string) => Promise<Uint8Array | undefined>

/** 2 MiB of tiles: the right edge of any tree, and those that neighbouring proofs share. */
const CACHE_TILES = 256

/**
 * Computes roots and proofs of the tree of `size` entries from the tiles that they touch. Tiles are taken as they come:
 * what is computed must be verified against a signed root by whoever relies on it, and `auditTiles` checks them all.
 */
export class TileReader {
  readonly size: bigint
  readonly #fetch: FetchTile
  readonly #cacheTiles: number
  /** Pending or read, the longest unused first. */
  readonly #tiles = new Map<string, Promise<readonly Uint8Array[]>>()

  /** @throws {HanseError} HANSE_LOG_INDEX when the size is none */
  constructor(fetch: FetchTile, size: bigint, options: { readonly cacheTiles?: number } = {}) {
    if (!isSize(size)) throw new HanseError('HANSE_LOG_INDEX', 'not the size of a tree')
    this.#fetch = fetch
    this.size = size
    this.#cacheTiles = options.cacheTiles ?? CACHE_TILES
  }

  /**
   * Root of the tree, or of the tree that its first `size` entries made.
   *
   * @throws {HanseError} HANSE_LOG_INDEX, HANSE_LOG_TILE, HANSE_LOG_TILE_MISSING, as all methods do
   */
  async root(size: bigint = this.size): Promise<Uint8Array> {
    this.#check(size, this.size)
    return size === 0n ? emptyRoot() : this.#hashOf({ start: 0n, end: size })
  }

  /** Proof that entry `index` is in the tree of `size`. */
  async inclusionProof(index: bigint, size: bigint = this.size): Promise<Uint8Array[]> {
    this.#check(size, this.size)
    this.#check(index, size - 1n)
    return Promise.all(inclusionRanges(index, size).map((range) => this.#hashOf(range)))
  }

  /** Proof that the tree of `size2` begins with that of `size1`. */
  async consistencyProof(size1: bigint, size2: bigint = this.size): Promise<Uint8Array[]> {
    this.#check(size2, this.size)
    this.#check(size1, size2)
    return Promise.all(consistencyRanges(size1, size2).map((range) => this.#hashOf(range)))
  }

  async leafHash(index: bigint): Promise<Uint8Array> {
    this.#check(index, this.size - 1n)
    return this.#nodeHash({ level: 0, index })
  }

  async entry(index: bigint): Promise<Uint8Array> {
    this.#check(index, this.size - 1n)
    const entries = await this.tile('entries', index / 256n)
    return entries[Number(index % 256n)] ?? missing('entries', index / 256n)
  }

  /** The hashes or entries of a tile as wide as it is in this tree. */
  async tile(level: number | 'entries', index: bigint): Promise<readonly Uint8Array[]> {
    const name = tileAt(level, index, this.size)
    if (name === undefined) return missing(level, index)
    const path = tilePath(name.level, name.index, name.width)
    // Bundles can be two thousand times as large as tiles, and proofs do not come back to them.
    if (level === 'entries') return this.#read(name, path)
    const tile = this.#tiles.get(path) ?? this.#read(name, path)
    this.#tiles.delete(path)
    this.#tiles.set(path, tile)
    for (const oldest of this.#tiles.keys()) {
      if (this.#tiles.size <= this.#cacheTiles) break
      this.#tiles.delete(oldest)
    }
    try {
      return await tile
    } catch (error) {
      // Another attempt may succeed: a failure is not kept.
      if (this.#tiles.get(path) === tile) this.#tiles.delete(path)
      throw error
    }
  }

  async #read(name: TileName, path: string): Promise<readonly Uint8Array[]> {
    const bytes = await this.#fetch(path)
    if (bytes !== undefined) return decodeTile(name.level, bytes, name.width)
    // A log may drop a partial tile once the full one is there.
    const full =
      name.width === TILE_WIDTH ? undefined : await this.#fetch(tilePath(name.level, name.index))
    if (full === undefined) return missing(name.level, name.index)
    return decodeTile(name.level, full, TILE_WIDTH).slice(0, name.width)
  }

  async #hashOf(range: Range): Promise<Uint8Array> {
    const hashes = await Promise.all(wholeSubtrees(range).map((node) => this.#nodeHash(node)))
    return hashes.reduceRight((right, left) => nodeHash(left, right))
  }

  async #nodeHash(node: Node): Promise<Uint8Array> {
    const { tileLevel, tileIndex, nodeLevel, nodeIndex } = nodeInTile(node)
    const tile = await this.tile(tileLevel, tileIndex)
    const run = 1 << nodeLevel
    return rootOfLeaves(tile.slice(nodeIndex * run, (nodeIndex + 1) * run))
  }

  #check(value: bigint, max: bigint): void {
    if (isSize(value) && value <= max) return
    throw new HanseError('HANSE_LOG_INDEX', `${value} is not within a tree of ${this.size}`)
  }
}

function decodeTile(level: TileName['level'], bytes: Uint8Array, width: number): Uint8Array[] {
  return level === 'entries' ? decodeEntryBundle(bytes, width) : decodeHashTile(bytes, width)
}

function missing(level: TileName['level'], index: bigint): never {
  throw new HanseError('HANSE_LOG_TILE_MISSING', `no tile ${index} of level ${level}`)
}
