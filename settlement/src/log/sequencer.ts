import { BATCH_ENTRIES_MAX, LogWriter, type NoteSigner } from '@hanse/protocol'
import type { SettlementStore } from '../db/store.ts'
import { StaleBatch, StoredLog } from './stored-log.ts'

/**
 * Puts waiting events into the tree, a batch under one checkpoint. Safe with any number of processes and over crashes:
 * tiles, checkpoint and the places of the events are one transaction, which fails as a whole when another process was
 * first with any of it.
 */
export class Sequencer {
  readonly #store: SettlementStore
  readonly #log: StoredLog
  readonly #writer: LogWriter

  private constructor(store: SettlementStore, log: StoredLog, writer: LogWriter) {
    this.#store = store
    this.#log = log
    this.#writer = writer
  }

  /** @throws {HanseError} HANSE_LOG_* when the log in the store is damaged or not this signer's */
  static async open(store: SettlementStore, signer: NoteSigner): Promise<Sequencer> {
    const log = new StoredLog(store)
    const writer = await LogWriter.open(log, signer)
    // A log without entries has a checkpoint too.
    await writer.append([])
    return new Sequencer(store, log, writer)
  }

  /**
   * Integrates what waits. Calls of one sequencer come one after the other.
   *
   * @returns how many events got their place
   */
  async run(): Promise<number> {
    let placed = 0
    for (;;) {
      const waiting = await this.#store.waitingEvents(BATCH_ENTRIES_MAX)
      if (waiting.length === 0) return placed
      if (await this.#integrate(waiting)) placed += waiting.length
      if (waiting.length < BATCH_ENTRIES_MAX) return placed
    }
  }

  async #integrate(waiting: readonly { id: bigint; entry: Uint8Array }[]): Promise<boolean> {
    this.#log.batch = waiting.map(({ id }) => id)
    try {
      await this.#writer.append(waiting.map(({ entry }) => entry))
      return true
    } catch (error) {
      // The other process has them; whatever it has not is there in the next round.
      if (error instanceof StaleBatch) return false
      throw error
    } finally {
      this.#log.batch = []
    }
  }
}
