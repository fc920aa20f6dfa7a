import type { LogCommit, LogStore } from '@hanse/protocol'
import type { SettlementStore } from '../db/store.ts'

/** The batch that was to be committed has its place already: another process was first. */
export class StaleBatch extends Error {}

/** Settlement's database as the store of a log. */
export class StoredLog implements LogStore {
  readonly #store: SettlementStore
  /** Of the events that the next commit appends. */
  batch: readonly bigint[] = []

  constructor(store: SettlementStore) {
    this.#store = store
  }

  async readCheckpoint(): Promise<string | undefined> {
    return (await this.#store.logHead())?.note
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    return this.#store.logTile(path)
  }

  /** @throws {StaleBatch} */
  async commit(commit: LogCommit): Promise<boolean> {
    const outcome = await this.#store.commitLog({ ...commit, events: this.batch })
    if (outcome === 'stale') throw new StaleBatch('these events are in the log')
    return outcome === 'committed'
  }
}
