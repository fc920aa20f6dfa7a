import { SettlementError } from '../errors.ts'

export interface RoomLimits {
  /** Bytes of all bodies that are read, waiting or worked on. Claims take about three times the bytes of their body. */
  readonly bytesMax: number
  /** Requests that are read, waiting or worked on. */
  readonly batchesMax: number
}

/** A place in the room; leaving twice is leaving once. */
export interface Place {
  /** Bytes that have arrived. @throws {SettlementError} HANSE_INGEST_BUSY */
  take(bytes: number): void
  leave(): void
}

/** About what a full room takes to empty. */
const RETRY_AFTER_MS = 1_000

/**
 * How much may be under way at once. Whoever comes into a full room is told to come again, before any of what was sent is
 * kept: a burst costs its senders time, and this process no memory.
 */
export class Room {
  readonly #limits: RoomLimits
  #bytes = 0
  #batches = 0

  constructor(limits: RoomLimits) {
    this.#limits = limits
  }

  get bytes(): number {
    return this.#bytes
  }

  get batches(): number {
    return this.#batches
  }

  /**
   * @param expected bytes that were announced; they are counted as they come, so that announcing costs others nothing
   * @throws {SettlementError} HANSE_INGEST_BUSY
   */
  enter(expected: number): Place {
    const { bytesMax, batchesMax } = this.#limits
    if (this.#batches >= batchesMax || this.#bytes + expected > bytesMax) throw busy()
    this.#batches++
    let taken = 0
    let isHere = true
    return {
      take: (bytes) => {
        if (this.#bytes + bytes > bytesMax) throw busy()
        this.#bytes += bytes
        taken += bytes
      },
      leave: () => {
        if (!isHere) return
        isHere = false
        this.#batches--
        this.#bytes -= taken
      },
    }
  }
}

const busy = () =>
  new SettlementError('HANSE_INGEST_BUSY', 'as many batches wait as this service takes at once', {
    retryAfterMs: RETRY_AFTER_MS,
  })
