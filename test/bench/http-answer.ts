/** Takes the body of an answer, whatever way it was sent. The bytes are only its own until it returns. */
export type OnBody = (bytes: Buffer) => void

/** More than any head that the sides send. */
const HEAD_BYTES_MAX = 64 * 1024

const HEAD_END = '\r\n\r\n'
const [CR, LF] = [0x0d, 0x0a]

/**
 * Reads one HTTP/1.1 answer from the bytes of a socket. It does less than Node's parser, which calls back for each chunk, and
 * so takes less of the cores that the bench shares with what it measures.
 */
export class HttpAnswer {
  status = 0
  done = false
  /** Whether the connection can carry another request. */
  keepAlive = true
  readonly #onBody: OnBody
  #head = ''
  #chunks: ChunkedBody | undefined
  #bytesLeft = 0

  constructor(onBody: OnBody) {
    this.#onBody = onBody
  }

  /** Overwrites `bytes`. @throws {Error} when they are no answer */
  push(bytes: Buffer): void {
    const body = this.status === 0 ? this.#readHead(bytes) : bytes
    if (body === undefined || body.byteLength === 0) return
    if (this.done) throw new Error('bytes after the answer’s end')
    if (this.#chunks !== undefined) {
      const length = this.#chunks.unwrap(body)
      this.done = this.#chunks.done
      if (length > 0) this.#onBody(body.subarray(0, length))
      return
    }
    if (body.byteLength > this.#bytesLeft) throw new Error('a body longer than its content-length')
    this.#bytesLeft -= body.byteLength
    this.done = this.#bytesLeft === 0
    this.#onBody(body)
  }

  #readHead(bytes: Buffer): Buffer | undefined {
    const before = this.#head.length
    this.#head += bytes.toString('latin1')
    const end = this.#head.indexOf(HEAD_END)
    if (end < 0) {
      if (this.#head.length > HEAD_BYTES_MAX) throw new Error('a head without an end')
      return undefined
    }
    const [statusLine = '', ...lines] = this.#head.slice(0, end).split('\r\n')
    this.#onHead(statusLine, lines)
    return bytes.subarray(end + HEAD_END.length - before)
  }

  #onHead(statusLine: string, lines: readonly string[]): void {
    const status = /^HTTP\/1\.1 (\d{3})/u.exec(statusLine)?.[1]
    if (status === undefined) throw new Error(`no answer of HTTP/1.1: ${statusLine}`)
    this.status = Number(status)
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
      }),
    )
    this.keepAlive = headers.get('connection')?.toLowerCase() !== 'close'
    if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked') {
      this.#chunks = new ChunkedBody()
      return
    }
    const length = headers.get('content-length')
    if (length === undefined) throw new Error('an answer of unknown length')
    this.#bytesLeft = Number(length)
    this.done = this.#bytesLeft === 0
  }
}

/** Takes the frames of `transfer-encoding: chunked` off (RFC 9112, section 7.1). */
class ChunkedBody {
  done = false
  #state: 'size' | 'data' | 'data-end' | 'last-end' = 'size'
  #size = 0
  #left = 0

  /** Moves what the chunks hold to the front of `bytes`, and says how much that is. */
  unwrap(bytes: Buffer): number {
    let length = 0
    for (let at = 0; at < bytes.byteLength; ) {
      if (this.#state !== 'data') {
        this.#onFraming(bytes[at++] ?? 0)
        continue
      }
      const to = Math.min(at + this.#left, bytes.byteLength)
      bytes.copyWithin(length, at, to)
      length += to - at
      this.#left -= to - at
      at = to
      if (this.#left === 0) this.#state = 'data-end'
    }
    return length
  }

  #onFraming(byte: number): void {
    if (this.done) throw new Error('bytes after the last chunk')
    if (byte === CR) return
    if (this.#state === 'size') {
      if (byte === LF) this.#onSize()
      else this.#size = this.#size * 16 + hexDigit(byte)
      return
    }
    if (byte !== LF) throw new Error('a chunk without an end, or a trailer')
    if (this.#state === 'last-end') this.done = true
    this.#state = 'size'
  }

  #onSize(): void {
    this.#left = this.#size
    this.#state = this.#size === 0 ? 'last-end' : 'data'
    this.#size = 0
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  if (lower >= 0x61 && lower <= 0x66) return lower - 0x57
  throw new Error(`no size of a chunk: ${byte}`)
}
