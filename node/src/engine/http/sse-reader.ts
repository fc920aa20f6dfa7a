const [LINE_FEED, CARRIAGE_RETURN, SPACE, COLON] = [0x0a, 0x0d, 0x20, 0x3a]
const BYTE_ORDER_MARK = Buffer.of(0xef, 0xbb, 0xbf)
const DATA = Buffer.from('data')
const EVENT = Buffer.from('event')
const EMPTY = new Uint8Array(0)

/** The first bytes kept of an incomplete line; the buffer then doubles, so copying stays linear. */
const PARTIAL_BYTES_MIN = 4096

/**
 * Cuts a stream of server-sent events (WHATWG HTML, 9.2.6) into the data of each, without any I/O.
 *
 * Data stays bytes: as text it would be decoded only to be encoded again, which took a third of what a token of an engine
 * cost. Where it came in one read, it is a view into that.
 */
export class SseReader {
  readonly #bytesMax: number
  readonly #onEvent: (data: Uint8Array, kind: string | undefined) => void
  #isFirstLine = true
  #partial = EMPTY
  #partialLength = 0
  /** The last read ended with the CR of a line: an LF that follows belongs to it. */
  #skipsLineFeed = false
  #data: Uint8Array | undefined
  #kind: string | undefined
  #isOversized = false

  /**
   * @param bytesMax of an event that comes in several reads
   * @param onEvent gets the data of one event, and what kind the server calls it
   */
  constructor(bytesMax: number, onEvent: (data: Uint8Array, kind: string | undefined) => void) {
    this.#bytesMax = bytesMax
    this.#onEvent = onEvent
  }

  /** An event was too large; nothing after it is read. */
  get isOversized(): boolean {
    return this.#isOversized
  }

  push(bytes: Uint8Array): void {
    if (this.#isOversized) return
    const length = bytes.byteLength
    const read = Buffer.from(bytes.buffer, bytes.byteOffset, length)
    let at = this.#skipsLineFeed && read[0] === LINE_FEED ? 1 : 0
    if (length > 0) this.#skipsLineFeed = false
    let lineFeed = -1
    let carriageReturn = -1
    while (at < length) {
      if (lineFeed < at) lineFeed = indexOr(length, read.indexOf(LINE_FEED, at))
      if (carriageReturn < at) carriageReturn = indexOr(length, read.indexOf(CARRIAGE_RETURN, at))
      const end = Math.min(lineFeed, carriageReturn)
      if (end === length) {
        this.#keep(bytes.subarray(at))
        break
      }
      if (this.#partialLength === 0) this.#onLine(bytes, at, end)
      else this.#onPartialLine(bytes.subarray(at, end))
      at = end + 1
      if (end === carriageReturn && at === length) this.#skipsLineFeed = true
      else if (end === carriageReturn && lineFeed === at) at++
    }
    this.#isOversized = this.#partialLength + (this.#data?.byteLength ?? 0) > this.#bytesMax
  }

  #onPartialLine(rest: Uint8Array): void {
    this.#keep(rest)
    const [line, length] = [this.#partial, this.#partialLength]
    // What is handed out is not written into again.
    this.#partial = EMPTY
    this.#partialLength = 0
    this.#onLine(line, 0, length)
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#partialLength + bytes.byteLength
    if (length > this.#partial.byteLength) {
      const doubled = Math.max(length, 2 * this.#partial.byteLength, PARTIAL_BYTES_MIN)
      const grown = new Uint8Array(doubled)
      grown.set(this.#partial.subarray(0, this.#partialLength))
      this.#partial = grown
    }
    this.#partial.set(bytes, this.#partialLength)
    this.#partialLength = length
  }

  #onLine(bytes: Uint8Array, start: number, end: number): void {
    let from = start
    if (this.#isFirstLine && startsWith(bytes, from, end, BYTE_ORDER_MARK)) from += 3
    this.#isFirstLine = false
    if (from === end) this.#dispatch()
    else if (isField(bytes, from, end, DATA)) this.#addData(fieldValue(bytes, from + 4, end))
    else if (isField(bytes, from, end, EVENT)) {
      const kind = Buffer.from(fieldValue(bytes, from + 5, end)).toString()
      this.#kind = kind === '' ? undefined : kind
    }
    // Comments, ids, and times to try again after are nothing to us.
  }

  #addData(value: Uint8Array): void {
    this.#data =
      this.#data === undefined ? value : Buffer.concat([this.#data, Buffer.of(LINE_FEED), value])
  }

  #dispatch(): void {
    const data = this.#data
    const kind = this.#kind
    this.#data = undefined
    this.#kind = undefined
    if (data !== undefined) this.#onEvent(data, kind)
  }
}

function indexOr(otherwise: number, index: number): number {
  return index === -1 ? otherwise : index
}

function startsWith(bytes: Uint8Array, from: number, end: number, prefix: Uint8Array): boolean {
  if (from + prefix.byteLength > end) return false
  for (let i = 0; i < prefix.byteLength; i++) if (bytes[from + i] !== prefix[i]) return false
  return true
}

/** Whether a line is of this field: a line without a colon is a field that is empty. */
function isField(bytes: Uint8Array, from: number, end: number, name: Uint8Array): boolean {
  if (!startsWith(bytes, from, end, name)) return false
  const after = from + name.byteLength
  return after === end || bytes[after] === COLON
}

/** The value of a field whose name ends at `nameEnd`. */
function fieldValue(bytes: Uint8Array, nameEnd: number, end: number): Uint8Array {
  const from = bytes[nameEnd + 1] === SPACE ? nameEnd + 2 : nameEnd + 1
  return bytes.subarray(Math.min(from, end), end)
}
