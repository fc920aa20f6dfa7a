const EMPTY = new Uint8Array(0)
const BYTES_MIN = 1_024
/** Where it is alike at its start and at its end, and how long what is between is: 32 bits each. */
const LENGTHS_BYTES = 12

/**
 * Chunks of an answer, byte for byte, in a tenth of the room: most differ from those before in their text alone. They are
 * copies, for a chunk that came over the network may be a view of much more.
 */
export class KeptChunks implements Iterable<Uint8Array> {
  /** The last one that was unlike the one before. */
  #like: Uint8Array = EMPTY
  #bytes = new Uint8Array(BYTES_MIN)
  #length = 0

  /** Bytes that they take. */
  get byteLength(): number {
    return this.#length
  }

  add(chunk: Uint8Array): void {
    const like = this.#like
    const head = alikeAtStart(chunk, like)
    const tail = alikeAtEnd(chunk, like, head)
    const rest = chunk.subarray(head, chunk.byteLength - tail)
    this.#grow(LENGTHS_BYTES + rest.byteLength)
    const view = new DataView(this.#bytes.buffer)
    view.setUint32(this.#length, head)
    view.setUint32(this.#length + 4, tail)
    view.setUint32(this.#length + 8, rest.byteLength)
    this.#bytes.set(rest, this.#length + LENGTHS_BYTES)
    this.#length += LENGTHS_BYTES + rest.byteLength
    if (isUnlike(chunk, rest)) this.#like = new Uint8Array(chunk)
  }

  *[Symbol.iterator](): Generator<Uint8Array> {
    const view = new DataView(this.#bytes.buffer)
    let like: Uint8Array = EMPTY
    for (let at = 0; at < this.#length; ) {
      const [head, tail] = [view.getUint32(at), view.getUint32(at + 4)]
      const from = at + LENGTHS_BYTES
      at = from + view.getUint32(at + 8)
      const rest = this.#bytes.subarray(from, at)
      const chunk = new Uint8Array(head + rest.byteLength + tail)
      chunk.set(like.subarray(0, head))
      chunk.set(rest, head)
      chunk.set(like.subarray(like.byteLength - tail), head + rest.byteLength)
      yield chunk
      if (isUnlike(chunk, rest)) like = chunk
    }
  }

  #grow(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.byteLength) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.byteLength))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}

function isUnlike(chunk: Uint8Array, rest: Uint8Array): boolean {
  return 2 * rest.byteLength > chunk.byteLength
}

function alikeAtStart(one: Uint8Array, other: Uint8Array): number {
  const most = Math.min(one.byteLength, other.byteLength)
  let count = 0
  while (count < most && one[count] === other[count]) count++
  return count
}

/** Without what is alike at the start. */
function alikeAtEnd(one: Uint8Array, other: Uint8Array, start: number): number {
  const most = Math.min(one.byteLength, other.byteLength) - start
  let count = 0
  while (count < most && one[one.byteLength - 1 - count] === other[other.byteLength - 1 - count])
    count++
  return count
}
