import { HanseError } from '../errors.ts'
import { bytesEqual } from '../wire.ts'
import { openCheckpoint, signCheckpoint } from './checkpoint.ts'
import { TileEdge } from './edge.ts'
import { checkEntry } from './entry-bundle.ts'
import type { NoteSigner } from './note.ts'
import type { LogStore } from './store.ts'
import { TileReader } from './tile-reader.ts'
import { verifyConsistency } from './verify.ts'

/** Entries of one append: with the longest entries 1 GiB, with commitments of 32 bytes half a megabyte. */
export const BATCH_ENTRIES_MAX = 16_384
/** Lost races before an append gives up; each one means that another writer got on. */
const ATTEMPTS_MAX = 16

export interface Appended {
  /** Index of the first of the entries; the others follow it. */
  readonly firstIndex: bigint
  /** Size of the tree that `checkpoint` signs. */
  readonly size: bigint
  /** The signed checkpoint that covers the entries. */
  readonly checkpoint: string
}

interface Head {
  /** The latest checkpoint in the store; none yet when `undefined`. */
  readonly checkpoint: string | undefined
  readonly edge: TileEdge
  readonly root: Uint8Array
}

/**
 * Appends to a log and signs its checkpoints. Any number of writers may share one store: a checkpoint counts only once
 * the store has swapped it in for the one it continues, so they never sign two histories. A checkpoint tells everyone
 * how many entries came since the last one; who appends in batches tells less.
 */
export class LogWriter {
  readonly #store: LogStore
  readonly #signer: NoteSigner
  /** `undefined` after a failure: the store then knows better than this writer. */
  #head: Head | undefined
  /** The largest tree that this writer has seen signed: whatever the store says later must continue it. */
  #seen: { readonly size: bigint; readonly root: Uint8Array } | undefined
  #queue: Promise<unknown> = Promise.resolve()

  private constructor(store: LogStore, signer: NoteSigner) {
    this.#store = store
    this.#signer = signer
  }

  /**
   * Reads the latest checkpoint and the tiles at the right edge, and checks that they belong together.
   *
   * @throws {HanseError} HANSE_LOG_TILE, HANSE_LOG_TILE_MISSING when the tiles do not make up the checkpoint, and what
   *   `openCheckpoint` throws when it is not this log's
   */
  static async open(store: LogStore, signer: NoteSigner): Promise<LogWriter> {
    const writer = new LogWriter(store, signer)
    writer.#head = await writer.#load()
    return writer
  }

  /**
   * Appends entries in one commit. Appends of one writer happen one after the other. Without entries it signs the empty
   * tree of a new log, and else gives the latest checkpoint.
   *
   * When it rejects for another reason than a bad entry, the entries may be in the log all the same: a caller that must
   * not log them twice looks at the log's end first.
   *
   * @throws {HanseError} HANSE_LOG_ENTRY, HANSE_LOG_CONFLICT after too many lost races, HANSE_LOG_FORK when the store
   *   does not continue what was signed before
   */
  async append(entries: readonly Uint8Array[]): Promise<Appended> {
    if (entries.length > BATCH_ENTRIES_MAX) {
      throw new HanseError('HANSE_LOG_ENTRY', `${entries.length} entries in one batch`)
    }
    for (const entry of entries) checkEntry(entry)
    const turn = this.#queue.then(() => this.#append(entries))
    this.#queue = turn.catch(() => undefined)
    return turn
  }

  async #append(entries: readonly Uint8Array[]): Promise<Appended> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const head = this.#head ?? (await this.#load())
      const firstIndex = head.edge.size
      if (entries.length === 0 && head.checkpoint !== undefined) {
        this.#head = head
        return { firstIndex, size: firstIndex, checkpoint: head.checkpoint }
      }
      const edge = head.edge.copy()
      const tiles = edge.append(entries)
      const root = edge.root()
      const size = edge.size
      const checkpoint = signCheckpoint(this.#signer, { size, root })
      // Until the store has answered, only the store knows which checkpoint is the latest.
      this.#head = undefined
      if (await this.#store.commit({ expected: head.checkpoint, tiles, checkpoint })) {
        this.#head = { checkpoint, edge, root }
        this.#seen = { size, root }
        return { firstIndex, size, checkpoint }
      }
    }
    throw new HanseError('HANSE_LOG_CONFLICT', `lost ${ATTEMPTS_MAX} races for the next checkpoint`)
  }

  async #load(): Promise<Head> {
    const checkpoint = await this.#store.readCheckpoint()
    if (checkpoint === undefined) {
      if (this.#seen !== undefined) throw forked('the store is empty now')
      const edge = new TileEdge()
      return { checkpoint, edge, root: edge.root() }
    }
    const { size, root } = openCheckpoint(checkpoint, this.#signer.vkey)
    const reader = new TileReader((path) => this.#store.read(path), size)
    await this.#checkContinues(reader, root)
    const edge = await TileEdge.read(reader)
    if (!bytesEqual(edge.root(), root)) {
      throw new HanseError('HANSE_LOG_TILE', 'the tiles do not make up the checkpoint')
    }
    this.#seen = { size, root }
    return { checkpoint, edge, root }
  }

  /** A store that was restored from an old backup would have this writer sign a second history. */
  async #checkContinues(reader: TileReader, root: Uint8Array): Promise<void> {
    if (this.#seen === undefined) return
    const { size: size1, root: root1 } = this.#seen
    if (reader.size < size1) throw forked(`${reader.size} entries after ${size1}`)
    if (size1 === 0n) return
    const proof = await reader.consistencyProof(size1)
    const claim = { size1, size2: reader.size, root1, root2: root, proof }
    if (!verifyConsistency(claim)) throw forked('another history')
  }
}

function forked(why: string): HanseError {
  return new HanseError('HANSE_LOG_FORK', `the store does not continue the log: ${why}`)
}
