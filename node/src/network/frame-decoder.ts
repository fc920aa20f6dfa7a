/** Why a frame stream failed: the peer broke the framing, stopped inside a frame, or reset the stream. */
export type FrameFault = 'HANSE_FRAME_TOO_LARGE' | 'HANSE_FRAME_CUT' | 'HANSE_STREAM_RESET'

/** A fault of a frame stream. The stream is of no further use; a new one may work. */
export class FrameError extends Error {
  readonly code: FrameFault

  constructor(code: FrameFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'FrameError'
    this.code = code
  }
}

/** The first bytes kept for an incomplete frame; the buffer then doubles, so copying stays linear. */
const PARTIAL_BYTES_MIN = 4096

const EMPTY = new Uint8Array(0)

interface Header {
  /** Bytes of the payload. */
  readonly size: number
  /** Bytes of the length prefix itself. */
  readonly length: number
}

/**
 * Cuts a byte stream into frames (unsigned varint length, payload) without any I/O.
 *
 * A frame is a view into the bytes it came in: whoever keeps a small frame for long should copy it.
 */
export class FrameDecoder {
  readonly #frameBytesMax: number
  #partial: Uint8Array<ArrayBufferLike> = EMPTY
  #partialLength = 0
  /** Bytes that the incomplete frame needs before another look is worth it. */
  #needed = 0

  /** @param frameBytesMax largest payload in bytes */
  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax
  }

  /** True while the bytes so far end inside a frame. */
  get insideFrame(): boolean {
    return this.#partialLength > 0
  }

  /**
   * The frames that `data` completes, in order.
   *
   * @throws {FrameError} HANSE_FRAME_TOO_LARGE for a length over the limit or not in shortest form.
   */
  push(data: Uint8Array): Uint8Array[] {
    if (this.#partialLength === 0) return this.#cut(data)
    this.#append(data)
    if (this.#partialLength < this.#needed) return []
    const bytes = this.#partial.subarray(0, this.#partialLength)
    this.#partial = EMPTY
    this.#partialLength = 0
    return this.#cut(bytes)
  }

  #cut(bytes: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = []
    let start = 0
    while (start < bytes.byteLength) {
      const header = readHeader(bytes, start, this.#frameBytesMax)
      const end =
        header === undefined ? Number.POSITIVE_INFINITY : start + header.length + header.size
      if (header === undefined || end > bytes.byteLength) {
        this.#needed = header === undefined ? 0 : end - start
        this.#append(bytes.subarray(start))
        break
      }
      frames.push(bytes.subarray(start + header.length, end))
      start = end
    }
    return frames
  }

  #append(data: Uint8Array): void {
    const length = this.#partialLength + data.byteLength
    if (length > this.#partial.byteLength) {
      // Grown by what has really come, never by what a prefix promises: a promise costs a peer nothing.
      const grown = new Uint8Array(
        Math.max(length, 2 * this.#partial.byteLength, PARTIAL_BYTES_MIN),
      )
      grown.set(this.#partial.subarray(0, this.#partialLength))
      this.#partial = grown
    }
    this.#partial.set(data, this.#partialLength)
    this.#partialLength = length
  }
}

/** `undefined` when the prefix is not complete yet. */
function readHeader(bytes: Uint8Array, start: number, sizeMax: number): Header | undefined {
  let size = 0
  for (let at = start; at < bytes.byteLength; at++) {
    const byte = bytes[at] ?? 0
    const index = at - start
    // Multiplied, not shifted: a shift would wrap at 32 bits and let a huge length look small.
    size += (byte & 0x7f) * 2 ** (7 * index)
    if (size > sizeMax) {
      throw new FrameError(
        'HANSE_FRAME_TOO_LARGE',
        `a frame of ${size} bytes or more; ${sizeMax} are allowed`,
      )
    }
    const last = byte <= 0x7f
    if ((last && byte === 0 && index > 0) || (!last && index >= varintLength(sizeMax) - 1)) {
      throw new FrameError(
        'HANSE_FRAME_TOO_LARGE',
        'a frame length that is longer than it needs to be',
      )
    }
    if (last) return { size, length: index + 1 }
  }
  return undefined
}

/** Bytes that the unsigned varint of `value` takes. */
export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) length++
  return length
}

/** Writes the unsigned varint of `value` at `offset` and returns the offset behind it. */
export function writeVarint(value: number, into: Uint8Array, offset: number): number {
  let at = offset
  let rest = value
  while (rest > 0x7f) {
    into[at++] = (rest & 0x7f) | 0x80
    rest = Math.floor(rest / 128)
  }
  into[at++] = rest
  return at
}
