import { type FetchTile, tilePath, tileRows } from '@hanse/protocol'

/**
 * Fetches what an audit will ask for next while it is busy with what it has: over a network it would else wait for each of
 * thousands of tiles in turn.
 *
 * @param count resources under way at once; as many are held in memory
 */
export function lookAhead(
  fetch: FetchTile,
  size: bigint,
  { entries, count }: { readonly entries: boolean; readonly count: number },
): FetchTile {
  const upcoming = auditOrder(size, entries)
  const ready = new Map<string, Promise<Uint8Array | undefined>>()
  const fill = () => {
    while (ready.size < count) {
      const { value: path, done } = upcoming.next()
      if (done === true) return
      const promise = fetch(path)
      // Whoever asks for it is told; nobody may ask.
      promise.catch(() => {})
      ready.set(path, promise)
    }
  }
  return async (path) => {
    fill()
    const found = ready.get(path)
    if (found === undefined) return await fetch(path)
    // What was passed over, such as the rest of a tile row after too many faults, must not stop the filling.
    for (const earlier of ready.keys()) {
      ready.delete(earlier)
      if (earlier === path) break
    }
    fill()
    return await found
  }
}

/** The order in which `auditTiles` reads: each leaf tile with its bundle, then the upper levels. */
function* auditOrder(size: bigint, entries: boolean): Generator<string> {
  for (const { level, fullTiles, partialWidth } of tileRows(size)) {
    const tiles = fullTiles + (partialWidth > 0 ? 1n : 0n)
    for (let index = 0n; index < tiles; index++) {
      const width = index < fullTiles ? 256 : partialWidth
      yield tilePath(level, index, width)
      if (level === 0 && entries) yield tilePath('entries', index, width)
    }
  }
}
