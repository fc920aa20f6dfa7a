import type { Stream } from '@libp2p/interface'
import { afterTick } from './after-tick.ts'
import { FrameDecoder, FrameError, varintLength, writeVarint } from './frame-decoder.ts'

export interface FrameLimits {
  /** Largest payload of one frame, in bytes, in both directions. */
  readonly frameBytesMax: number
  /** Bytes not yet read, above which the peer is asked to wait. */
  readonly unreadBytesMax: number
  /** Bytes gathered within one tick before they are sent without waiting for its end. */
  readonly batchBytes: number
}

// One send() is one yamux frame, one noise message and two socket writes. Batches of 16 KiB carried
// 2 million 60-byte frames a second, against 46 thousand with one send() each (measured on loopback).
const DEFAULTS: FrameLimits = {
  frameBytesMax: 1 << 20,
  unreadBytesMax: 256 * 1024,
  batchBytes: 16 * 1024,
}

/** Room behind `batchBytes` so that the frame that fills a batch seldom needs a buffer of its own. */
const BATCH_SLACK_BYTES = 1024

// An order with a short prompt fits in.
const BATCH_BYTES_MIN = 2048

// Frames are cut only as they are read, from this many bytes at a time: a peer that floods us with
// empty frames fills our memory with its bytes, and not with a hundred times as many of ours.
const DECODE_BYTES = 64 * 1024

// A frame of the largest size arrives within this at 140 kbit/s; who sends byte by byte is cut.
const FRAME_MS = 60_000

// A peer that takes nothing for this long keeps our memory, and whoever waits for it, for nothing.
const STALL_MS = 60_000

const EMPTY = new Uint8Array(0)

/**
 * Frames (unsigned varint length, payload) over a libp2p stream.
 *
 * What is written in one tick leaves in one send, and both directions have back-pressure. A peer
 * that dies looks like one that ended: only a final frame of the protocol above tells them apart.
 * Create it in the same tick in which the stream was handed over.
 */
export class FrameStream implements AsyncIterable<Uint8Array> {
  readonly stream: Stream
  readonly #limits: FrameLimits
  readonly #decoder: FrameDecoder

  #batch = EMPTY
  /** Bytes that the next batch is given room for. */
  #room = BATCH_BYTES_MIN
  #batched = 0
  #flushPlanned = false

  #unread: Uint8Array[] = []
  /** Frames that were cut and not yet asked for. */
  #ready: Uint8Array[] = []
  /** When the frame that is still incomplete began, by the monotonic clock. */
  #frameBegan: number | undefined
  #unreadBytes = 0
  #pausePlanned = false
  #ended: boolean
  #error: FrameError | undefined
  #wake: (() => void) | undefined

  constructor(stream: Stream, limits: Partial<FrameLimits> = {}) {
    this.stream = stream
    this.#limits = { ...DEFAULTS, ...limits }
    this.#decoder = new FrameDecoder(this.#limits.frameBytesMax)
    // A stream that is over already announces nothing more, so its state is looked at once.
    this.#ended = stream.status !== 'open'
    if (stream.status === 'reset' || stream.status === 'aborted')
      this.#error = resetError(undefined)
    stream.addEventListener('message', (event) => {
      const { buffer, byteOffset, byteLength } = event.data.subarray()
      // A transport may hand over Node's Buffer, whose slice() shares memory where everybody else's copies.
      this.#take(new Uint8Array(buffer, byteOffset, byteLength))
    })
    stream.addEventListener('end', () => {
      this.#ended = true
      this.#wakeReader()
    })
    stream.addEventListener('close', (event) => {
      if (event.error !== undefined) this.#fail(event.error)
      this.#ended = true
      this.#wakeReader()
    })
  }

  /**
   * Queues a frame, which leaves at the end of this tick or when the batch is full.
   *
   * @returns `false` when the peer reads too slowly: await `drained()` before the next write.
   * @throws {FrameError} HANSE_FRAME_TOO_LARGE; HANSE_STREAM_RESET when the stream takes no more.
   */
  write(payload: Uint8Array): boolean {
    const size = payload.byteLength
    if (size > this.#limits.frameBytesMax) {
      throw new FrameError(
        'HANSE_FRAME_TOO_LARGE',
        `a frame of ${size} bytes; ${this.#limits.frameBytesMax} are allowed`,
      )
    }
    const framed = varintLength(size) + size
    if (this.#batched + framed > this.#batch.byteLength) {
      this.flush()
      this.#batch = new Uint8Array(Math.max(this.#room, framed))
    }
    const at = writeVarint(size, this.#batch, this.#batched)
    this.#batch.set(payload, at)
    this.#batched = at + size
    if (this.#batched >= this.#limits.batchBytes) return this.flush()
    this.#planFlush()
    return !this.stream.writableNeedsDrain
  }

  /**
   * Sends what is queued now. Returns as `write` does.
   *
   * @throws {FrameError} HANSE_STREAM_RESET when the stream takes no more.
   */
  flush(): boolean {
    if (this.#batched === 0) return !this.stream.writableNeedsDrain
    const bytes = this.#batch.subarray(0, this.#batched)
    this.#expect(this.#batched)
    // The stream may keep these bytes until they leave, so nothing is written into them again.
    this.#batch = EMPTY
    this.#batched = 0
    try {
      return this.stream.send(bytes)
    } catch (cause) {
      throw this.#fail(cause)
    }
  }

  /**
   * Waits until the peer takes more.
   *
   * @throws {FrameError} HANSE_STREAM_RESET when the stream closes first; the signal's reason.
   */
  async drained(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (!this.stream.writableNeedsDrain) return
    if (this.stream.writeStatus !== 'writable') throw this.#fail(undefined)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onDrain = (): void => resolve()
    const onClose = (): void => reject(this.#error ?? resetError(undefined))
    const onAbort = (): void => reject(signal?.reason)
    const timer = setTimeout(() => {
      this.abort(this.#fail(new Error('the peer reads nothing')))
      onClose()
    }, STALL_MS)
    // The event, not stream.onDrain(): that promise is never renewed after its first drain.
    this.stream.addEventListener('drain', onDrain)
    this.stream.addEventListener('close', onClose)
    signal?.addEventListener('abort', onAbort)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      this.stream.removeEventListener('drain', onDrain)
      this.stream.removeEventListener('close', onClose)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /**
   * Half-close: sends what is queued and ends our direction; reading goes on.
   *
   * @throws {FrameError} HANSE_STREAM_RESET when the stream takes no more; the signal's reason.
   */
  async end(options: { signal?: AbortSignal } = {}): Promise<void> {
    this.flush()
    await this.stream.close(options)
  }

  /** Ends both directions at once. The peer sees a reset, but not the reason. */
  abort(reason: Error): void {
    this.#batch = EMPTY
    this.#batched = 0
    this.stream.abort(reason)
  }

  /**
   * Every frame that is here, at least one; `undefined` after the peer's last. One reader at a time.
   *
   * @throws {FrameError}
   */
  async readBatch(): Promise<Uint8Array[] | undefined> {
    if (this.#ready.length > 0) {
      const frames = this.#ready
      this.#ready = []
      return frames
    }
    for (;;) {
      const bytes = this.#nextUnread()
      if (bytes !== undefined) {
        const frames = this.#cut(bytes)
        this.#frameBegan = this.#decoder.insideFrame
          ? frames.length > 0
            ? performance.now()
            : (this.#frameBegan ?? performance.now())
          : undefined
        if (frames.length > 0) return frames
        continue
      }
      if (this.#error !== undefined) throw this.#error
      if (this.stream.readStatus === 'paused') {
        // Delivers what was held back at once. Also after 'close', which a paused stream announces
        // with bytes still unread.
        this.stream.resume()
        continue
      }
      // 'end' may have come before we listened, and either may come before the last bytes.
      if ((this.#ended || this.stream.readableEnded) && this.stream.readBufferLength === 0) {
        if (this.#decoder.insideFrame)
          throw new FrameError('HANSE_FRAME_CUT', 'the stream ended inside a frame')
        return undefined
      }
      await this.#moreOrTooLate()
    }
  }

  /**
   * The next frame; `undefined` after the peer's last. One reader at a time.
   *
   * @throws {FrameError}; the signal's reason, and then the stream is cut
   */
  async readFrame(signal?: AbortSignal): Promise<Uint8Array | undefined> {
    const onAbort = (): void => this.abort(new Error('not in time'))
    if (signal?.aborted === true) onAbort()
    signal?.addEventListener('abort', onAbort)
    try {
      const [first, ...others] = (await this.readBatch()) ?? []
      this.#ready = others
      return first
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (let batch = await this.readBatch(); batch !== undefined; batch = await this.readBatch()) {
      yield* batch
    }
  }

  /** Waits for bytes or the end. A frame that was begun must be whole in time. */
  async #moreOrTooLate(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const began = this.#frameBegan
    const timer =
      began === undefined
        ? undefined
        : setTimeout(
            () => {
              const message = 'a frame took too long to arrive'
              this.abort(this.#fail(new FrameError('HANSE_FRAME_CUT', message)))
              resolve()
            },
            Math.max(0, began + FRAME_MS - performance.now()),
          )
    await promise
    clearTimeout(timer)
  }

  // Runs in the stream's listener, where an exception would end the process.
  #take(bytes: Uint8Array): void {
    this.#unread.push(bytes)
    this.#unreadBytes += bytes.byteLength
    if (this.#unreadBytes > this.#limits.unreadBytesMax) this.#planPause()
    this.#wakeReader()
  }

  #nextUnread(): Uint8Array | undefined {
    const first = this.#unread[0]
    if (first === undefined) return undefined
    const bytes = first.subarray(0, DECODE_BYTES)
    if (bytes.byteLength === first.byteLength) this.#unread.shift()
    else this.#unread[0] = first.subarray(DECODE_BYTES)
    this.#unreadBytes -= bytes.byteLength
    return bytes
  }

  #cut(bytes: Uint8Array): Uint8Array[] {
    try {
      return this.#decoder.push(bytes)
    } catch (error) {
      const fault = this.#fail(error)
      this.#unread = []
      this.abort(fault)
      throw fault
    }
  }

  /** Short exchanges do with little; a stream of tokens soon has room for a whole batch. */
  #expect(bytes: number): void {
    const most = this.#limits.batchBytes + BATCH_SLACK_BYTES
    this.#room = Math.min(most, Math.max(BATCH_BYTES_MIN, 2 * bytes))
  }

  /** The first fault is the one that everybody is told. */
  #fail(cause: unknown): FrameError {
    this.#error ??= cause instanceof FrameError ? cause : resetError(cause)
    return this.#error
  }

  #planPause(): void {
    if (this.#pausePlanned) return
    this.#pausePlanned = true
    // A microtask later: resume() delivers data too, and would undo a pause() made inside it.
    queueMicrotask(() => {
      this.#pausePlanned = false
      const full = this.#unreadBytes > this.#limits.unreadBytesMax
      if (full && this.stream.readStatus === 'readable') this.stream.pause()
    })
  }

  #planFlush(): void {
    if (this.#flushPlanned) return
    this.#flushPlanned = true
    afterTick(() => {
      this.#flushPlanned = false
      // Not an error here: whoever reads or writes next learns that the stream is over.
      if (this.stream.writeStatus !== 'writable') return
      try {
        this.flush()
      } catch {
        this.#wakeReader()
      }
    })
  }

  #wakeReader(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

function resetError(cause: unknown): FrameError {
  return new FrameError(
    'HANSE_STREAM_RESET',
    'the stream was reset',
    cause === undefined ? {} : { cause },
  )
}
