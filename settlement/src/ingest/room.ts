import { SettlementError } from '../errors.ts'

export interface RoomLimits {
  /** Bytes of all bodies that are read, waiting or worked on. Claims take about three times the bytes of their body. */
  readonly bytesMax: number
  /** Batches that have come whole and are waiting or worked on. */
  readonly batchesMax: number
  /** Bodies that one address may be sending at once. */
  readonly arrivingMax?: number
  /** Bytes of bodies that one address has begun and not ended; a quarter of all when not given. */
  readonly arrivingBytesMax?: number
}

/** What an address has begun to send and not ended. */
interface Arriving {
  bodies: number
  bytes: number
}

/** A place in the room; leaving twice is leaving once, and who has left comes in by the door again. */
export interface Place {
  /** Bytes that have come. @throws {SettlementError} HANSE_INGEST_BUSY */
  take(bytes: number): void
  /** All of the body has come: from now on it is a batch. @throws {SettlementError} HANSE_INGEST_BUSY */
  arrived(): void
  leave(): void
}

/** A node sends its batches one after the other: room for many nodes behind one address. */
const ARRIVING_MAX = 64
/** More than the largest batch: nobody who sends them one after the other notices. */
const ARRIVING_SHARE = 1 / 4
const TOO_MUCH_AT_ONCE = 'this address is sending as much as it may at once'
/** About what a full room takes to empty. */
const RETRY_AFTER_MS = 1_000

/**
 * How much may be under way at once. Whoever comes into a full room is told to come again, before any of what was sent is
 * kept: a burst costs its senders time, and this process no memory.
 */
export class Room {
  readonly #limits: RoomLimits
  readonly #arriving = new Map<string, Arriving>()
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
   * @param address whose body it is
   * @throws {SettlementError} HANSE_INGEST_BUSY
   */
  enter(expected: number, address: string): Place {
    const {
      bytesMax,
      arrivingMax = ARRIVING_MAX,
      arrivingBytesMax = bytesMax * ARRIVING_SHARE,
    } = this.#limits
    const sending = this.#arriving.get(address) ?? { bodies: 0, bytes: 0 }
    if (this.#isFull || this.#bytes + expected > bytesMax) throw busy()
    if (sending.bodies >= arrivingMax) throw busy(TOO_MUCH_AT_ONCE)
    this.#arriving.set(address, sending)
    sending.bodies++
    let taken = 0
    let state: 'arriving' | 'whole' | 'gone' = 'arriving'
    return {
      take: (bytes) => {
        if (state === 'gone' || this.#bytes + bytes > bytesMax) throw busy()
        // Who sends slowly keeps its own room from others, not all of it.
        if (sending.bytes + bytes > arrivingBytesMax) throw busy(TOO_MUCH_AT_ONCE)
        this.#bytes += bytes
        sending.bytes += bytes
        taken += bytes
      },
      arrived: () => {
        if (state !== 'arriving' || this.#isFull) throw busy()
        state = 'whole'
        this.#sentBy(address, taken)
        this.#batches++
      },
      leave: () => {
        if (state === 'arriving') this.#sentBy(address, taken)
        if (state === 'whole') this.#batches--
        if (state !== 'gone') this.#bytes -= taken
        state = 'gone'
      },
    }
  }

  get #isFull(): boolean {
    return this.#batches >= this.#limits.batchesMax
  }

  /** A body of this address comes no longer. */
  #sentBy(address: string, bytes: number): void {
    const sending = this.#arriving.get(address)
    if (sending === undefined) return
    sending.bodies--
    sending.bytes -= bytes
    if (sending.bodies === 0) this.#arriving.delete(address)
  }
}

/** Nothing was kept of the batch: it is to be sent again. */
export const busy = (why = 'as many batches wait as this service takes at once'): SettlementError =>
  new SettlementError('HANSE_INGEST_BUSY', why, { retryAfterMs: RETRY_AFTER_MS })
