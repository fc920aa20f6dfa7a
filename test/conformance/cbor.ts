import { isEqual, join, Refused, utf8 } from './bytes.ts'
import { isCid, Link } from './cid.ts'

/** What canonical DAG-CBOR can say. */
export type Value =
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | Link
  | readonly Value[]
  | ReadonlyMap<string, Value>

const DEPTH_MAX = 16

/** Reads one item, in the one form that `write` makes. @throws {Refused} HANSE_RECORD_NOT_CANONICAL */
export function read(bytes: Uint8Array): Value {
  const reader = new Reader(bytes)
  const value = reader.item(0)
  if (!reader.isAtEnd) refuse('something after it')
  return value
}

export function write(value: Value): Uint8Array {
  if (typeof value === 'bigint') return value < 0n ? head(1, -1n - value) : head(0, value)
  if (typeof value === 'string') return prefixed(3, utf8(value))
  if (value instanceof Uint8Array) return prefixed(2, value)
  if (value === null) return Uint8Array.of(0xf6)
  if (typeof value === 'boolean') return Uint8Array.of(value ? 0xf5 : 0xf4)
  if (value instanceof Link) {
    return join(head(6, 42n), prefixed(2, join(Uint8Array.of(0), value.bytes)))
  }
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string, Value>)].toSorted(([a], [b]) => order(a, b))
    return join(
      head(5, BigInt(entries.length)),
      ...entries.flatMap(([key, item]) => [write(key), write(item)]),
    )
  }
  const items = value as readonly Value[]
  return join(head(4, BigInt(items.length)), ...items.map(write))
}

/** Shorter keys first, then by their bytes. */
function order(a: string, b: string): number {
  const [x, y] = [utf8(a), utf8(b)]
  return x.length - y.length || Buffer.compare(x, y)
}

const prefixed = (major: number, bytes: Uint8Array) =>
  join(head(major, BigInt(bytes.length)), bytes)

/** The head of an item (RFC 8949, 3): a major type and a number, in as few bytes as can be. */
function head(major: number, value: bigint): Uint8Array {
  const first = major << 5
  if (value < 24n) return Uint8Array.of(first | Number(value))
  const size = [1, 2, 4, 8].find((bytes) => value < 2n ** BigInt(8 * bytes))
  if (size === undefined) throw new RangeError(`beyond 64 bits: ${value}`)
  const digits = value.toString(16).padStart(2 * size, '0')
  return join(
    Uint8Array.of(first | (24 + Math.log2(size))),
    Uint8Array.from(Buffer.from(digits, 'hex')),
  )
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  item(depth: number): Value {
    if (depth > DEPTH_MAX) refuse('nested too deeply')
    const first = this.#take(1)[0] ?? 0
    const major = first >> 5
    if (major === 7) return simple(first)
    const value = this.#number(first & 0x1f)
    switch (major) {
      case 0:
        return value
      case 1:
        return -1n - value
      case 2:
        return this.#take(value)
      case 3:
        return text(this.#take(value))
      case 4:
        return this.#list(value, depth)
      case 5:
        return this.#map(value, depth)
      default:
        return this.#link(value)
    }
  }

  #list(count: bigint, depth: number): Value {
    const items: Value[] = []
    for (let i = 0n; i < count; i++) items.push(this.item(depth + 1))
    return items
  }

  #map(count: bigint, depth: number): Value {
    const map = new Map<string, Value>()
    let last: string | undefined
    for (let i = 0n; i < count; i++) {
      const key = this.item(depth + 1)
      if (typeof key !== 'string') refuse('a key that is no text')
      if (last !== undefined && order(last, key) >= 0) refuse('keys out of order')
      map.set(key, this.item(depth + 1))
      last = key
    }
    return map
  }

  #link(tag: bigint): Value {
    if (tag !== 42n) refuse('another tag than 42')
    // A tag within a tag within a tag would fill the stack.
    if ((this.#bytes[this.#at] ?? 0) >> 5 !== 2) refuse('a link that is none')
    const bytes = this.item(DEPTH_MAX)
    if (!(bytes instanceof Uint8Array) || bytes[0] !== 0 || !isCid(bytes.subarray(1))) {
      refuse('a link that is none')
    }
    return new Link(bytes.subarray(1))
  }

  #number(info: number): bigint {
    if (info < 24) return BigInt(info)
    if (info > 27) refuse('a length without end')
    const size = 2 ** (info - 24)
    const value = BigInt(`0x${Buffer.from(this.#take(size)).toString('hex')}`)
    const least = size === 1 ? 24n : 2n ** BigInt(4 * size)
    if (value < least) refuse('a number longer than need be')
    return value
  }

  #take(length: number | bigint): Uint8Array {
    if (BigInt(length) > BigInt(this.#bytes.length - this.#at)) refuse('an end too early')
    const taken = this.#bytes.subarray(this.#at, this.#at + Number(length))
    this.#at += Number(length)
    return taken
  }
}

function simple(first: number): Value {
  if (first === 0xf4) return false
  if (first === 0xf5) return true
  return first === 0xf6 ? null : refuse('a float, or a simple value')
}

function text(bytes: Uint8Array): string {
  const decoded = Buffer.from(bytes).toString('utf8')
  if (!isEqual(utf8(decoded), bytes)) refuse('no UTF-8')
  return decoded.startsWith('\u{FEFF}') ? refuse('a byte order mark') : decoded
}

function refuse(why: string): never {
  throw new Refused('HANSE_RECORD_NOT_CANONICAL', why)
}
