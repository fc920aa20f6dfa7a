import { concat } from '../../wire.ts'
import { encodeEntryBundle } from '../entry-bundle.ts'
import { leafHash } from '../hash.ts'
import { tilePath } from '../tile-path.ts'
import { rootOfLeaves } from '../tree.ts'

/** The tiles and bundles of a tree, straight from the definition in C2SP tlog-tiles: a model to compare with. */
export function tilesOf(entries: readonly Uint8Array[]): Map<string, Uint8Array> {
  const tiles = new Map<string, Uint8Array>()
  for (const [index, bundle] of chunks(entries).entries()) {
    tiles.set(tilePath('entries', index, bundle.length), encodeEntryBundle(bundle))
  }
  let hashes = entries.map(leafHash)
  for (let level = 0; hashes.length > 0; level++) {
    const rows = chunks(hashes)
    for (const [index, tile] of rows.entries()) {
      tiles.set(tilePath(level, index, tile.length), concat(tile))
    }
    hashes = rows.filter((tile) => tile.length === 256).map(rootOfLeaves)
  }
  return tiles
}

function chunks<Item>(items: readonly Item[]): Item[][] {
  const count = Math.ceil(items.length / 256)
  return Array.from({ length: count }, (_, i) => items.slice(i * 256, (i + 1) * 256))
}
