import type { LogCommit, LogStore } from './store.ts'
import { parseTilePath, TILE_WIDTH, tilePath } from './tile-path.ts'

/** A log in memory, for tests, simulations and trees that are rebuilt on each start. */
export class MemoryLogStore implements LogStore {
  readonly #tiles = new Map<string, Uint8Array>()
  /** Paths of the partial tiles of each index, to drop them when the full one comes. */
  readonly #partial = new Map<string, string[]>()
  #checkpoint: string | undefined

  async readCheckpoint(): Promise<string | undefined> {
    return this.#checkpoint
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    const bytes = this.#tiles.get(path)
    return bytes === undefined ? undefined : Uint8Array.from(bytes)
  }

  async commit({ expected, tiles, checkpoint }: LogCommit): Promise<boolean> {
    if (expected !== this.#checkpoint) return false
    for (const [path, bytes] of tiles) this.#put(path, bytes)
    this.#checkpoint = checkpoint
    return true
  }

  /** Every path that holds something, in no order. */
  paths(): string[] {
    return [...this.#tiles.keys()]
  }

  #put(path: string, bytes: Uint8Array): void {
    this.#tiles.set(path, Uint8Array.from(bytes))
    const { level, index, width } = parseTilePath(path)
    const full = tilePath(level, index)
    const partial = this.#partial.get(full) ?? []
    if (width < TILE_WIDTH) {
      this.#partial.set(full, [...new Set([...partial, path])])
      return
    }
    for (const old of partial) this.#tiles.delete(old)
    this.#partial.delete(full)
  }
}
