import type { Node } from './ranges.ts'
import { TILE_WIDTH, type TileName } from './tile-path.ts'

/** Levels of the tree that one level of tiles spans: 256 is 2⁸. */
export const TILE_HEIGHT = 8

/** Tiles of one level of a tree. */
export interface TileRow {
  readonly level: number
  readonly fullTiles: bigint
  /** Hashes in the tile after the full ones; 0 when there is none. */
  readonly partialWidth: number
}

/** The rows of tiles of a tree, lowest first; empty tiles are never served, so an empty tree has none. */
export function tileRows(size: bigint): TileRow[] {
  const rows: TileRow[] = []
  for (let level = 0, hashes = size; hashes > 0n; level++, hashes /= 256n) {
    rows.push({ level, fullTiles: hashes / 256n, partialWidth: Number(hashes % 256n) })
  }
  return rows
}

/** The tile `index` of a level as it is in a tree of `size`: full, partial, or `undefined` when not there yet. */
export function tileAt(
  level: number | 'entries',
  index: bigint,
  size: bigint,
): TileName | undefined {
  const hashes = level === 'entries' ? size : size >> BigInt(TILE_HEIGHT * level)
  const after = hashes - index * 256n
  if (after <= 0n) return undefined
  return { level, index, width: after >= 256n ? TILE_WIDTH : Number(after) }
}

/** Where the hash of a whole subtree is found: computed from a run of hashes of one tile. */
export interface NodeInTile {
  readonly tileLevel: number
  readonly tileIndex: bigint
  /** Levels above the hashes of the tile, 0 to 7: the node is computed from 2^nodeLevel of them. */
  readonly nodeLevel: number
  /** Place of the node among those of its level within the tile. */
  readonly nodeIndex: number
}

export function nodeInTile({ level, index }: Node): NodeInTile {
  const nodeLevel = level % TILE_HEIGHT
  const perTile = BigInt(TILE_WIDTH >> nodeLevel)
  return {
    tileLevel: (level - nodeLevel) / TILE_HEIGHT,
    tileIndex: index / perTile,
    nodeLevel,
    nodeIndex: Number(index % perTile),
  }
}
