/** One step of a log's history, written as a whole or not at all. */
export interface LogCommit {
  /** The signed checkpoint that must still be the latest one; `undefined` for the first commit. */
  readonly expected: string | undefined
  /** Path and bytes. Paths are those of `tilePath`; a partial tile grows under a new path each time. */
  readonly tiles: readonly (readonly [path: string, bytes: Uint8Array])[]
  /** The signed checkpoint that becomes the latest one. */
  readonly checkpoint: string
}

/**
 * Where a log lives. The latest checkpoint is the one thing that must never be lost or set back: who can put an older
 * one in its place can make the log sign two histories. `logStoreContract` in `@hanse/protocol/testing/log-store` says
 * what every store keeps.
 */
export interface LogStore {
  /** The latest signed checkpoint, as it was committed. */
  readCheckpoint(): Promise<string | undefined>
  /** A tile or bundle by its path. */
  read(path: string): Promise<Uint8Array | undefined>
  /**
   * Compare-and-swap: puts the tiles and the checkpoint in place, durably and in one step, if `expected` is the latest
   * checkpoint; else changes nothing. When the promise rejects, either may have happened: the caller reads again.
   *
   * The store may drop a partial tile once the full one of its index is there, and should not before.
   *
   * @returns whether `expected` was the latest checkpoint
   */
  commit(commit: LogCommit): Promise<boolean>
}
