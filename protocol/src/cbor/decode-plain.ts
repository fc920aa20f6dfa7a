import { CID } from 'multiformats/cid'
import { Digest } from 'multiformats/hashes/digest'
import {
  CID_BYTES,
  CID_HEAD,
  CID_PREFIX_BYTES,
  DAG_CBOR,
  DEPTH_MAX,
  DIGEST_BYTES,
  FALSE,
  isOddKey,
  MAJOR,
  NULL,
  SHA2_256,
  TRUE,
} from './heads.ts'

/** What `decodePlain` gives for bytes that it does not read. */
export const UNREAD: unique symbol = Symbol('unread')

const NOTHING: Uint8Array = new Uint8Array(0)
/** What is read, while it is. */
let from = NOTHING
let at = 0

/**
 * Reads one item of canonical DAG-CBOR that is made of what records and frames are made of, and proves while it reads that
 * the bytes are the only ones that say it: heads are the shortest, keys in their order and each there once, text is ASCII.
 * `UNREAD` for anything else, which may be canonical still: that is for the general decoder to say.
 *
 * Nothing of the value shares memory with `bytes`.
 */
export function decodePlain(bytes: Uint8Array): unknown {
  // A Buffer of Node would give Buffers, and shares its memory where everybody else's arrays copy.
  from = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  at = 0
  const value = read(0)
  const isWhole = at === from.byteLength
  from = NOTHING
  return isWhole ? value : UNREAD
}

function read(depth: number): unknown {
  const head = from[at]
  if (head === undefined || depth > DEPTH_MAX) return UNREAD
  switch (head & 0xe0) {
    case MAJOR.unsigned:
      return readUnsigned()
    case MAJOR.negative:
      return readNegative()
    case MAJOR.bytes:
      return readBytes()
    case MAJOR.text:
      return readText()
    case MAJOR.array:
      return readArray(depth)
    case MAJOR.map:
      return readMap(depth)
    default:
      return head === CID_HEAD[0] ? readCid() : readSimple(head)
  }
}

function readUnsigned(): unknown {
  const value = readArgument()
  if (value >= 0) return value
  // Beyond what a number holds to the unit.
  return value === TOO_LARGE ? readBigint() : UNREAD
}

function readNegative(): unknown {
  const value = readArgument()
  return value >= 0 && value < Number.MAX_SAFE_INTEGER ? -1 - value : UNREAD
}

function readBytes(): unknown {
  const length = readArgument()
  if (length < 0 || length > from.byteLength - at) return UNREAD
  at += length
  return from.slice(at - length, at)
}

function readText(): string | typeof UNREAD {
  const length = readArgument()
  if (length < 0 || length > from.byteLength - at) return UNREAD
  const start = at
  at += length
  let hash = length
  for (let i = start; i < at; i++) {
    const byte = from[i] ?? 0xff
    if (byte > 0x7f) return UNREAD
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  return textOf(start, length, hash)
}

function readArray(depth: number): unknown {
  const length = readArgument()
  if (length < 0 || length > from.byteLength - at) return UNREAD
  const items: unknown[] = []
  for (let i = 0; i < length; i++) {
    const item = read(depth + 1)
    if (item === UNREAD) return UNREAD
    items.push(item)
  }
  return items
}

function readMap(depth: number): unknown {
  const length = readArgument()
  if (length < 0 || length > from.byteLength - at) return UNREAD
  const map: Record<string, unknown> = {}
  let last: string | undefined
  for (let i = 0; i < length; i++) {
    if (((from[at] ?? 0xff) & 0xe0) !== MAJOR.text) return UNREAD
    const key = readText()
    if (key === UNREAD || isOddKey(key) || (last !== undefined && !isAfter(key, last)))
      return UNREAD
    const value = read(depth + 1)
    if (value === UNREAD) return UNREAD
    map[key] = value
    last = key
  }
  return map
}

/** By length, then by bytes, which are in the order of the text where it is ASCII. */
function isAfter(key: string, last: string): boolean {
  return key.length === last.length ? key > last : key.length > last.length
}

function readCid(): unknown {
  for (let i = 0; i < CID_HEAD.byteLength; i++) if (from[at + i] !== CID_HEAD[i]) return UNREAD
  const start = at + CID_HEAD.byteLength - CID_PREFIX_BYTES
  at = start + CID_BYTES
  if (at > from.byteLength) return UNREAD
  const bytes = from.slice(start, at)
  const hash = bytes.subarray(2)
  const digest = new Digest(SHA2_256, DIGEST_BYTES, bytes.subarray(CID_PREFIX_BYTES), hash)
  return new CID(1, DAG_CBOR, digest, bytes)
}

function readSimple(head: number): unknown {
  at++
  if (head === NULL) return null
  return head === TRUE ? true : head === FALSE ? false : UNREAD
}

/** What `readArgument` gives for a head of another form, and for an argument that a number does not hold to the unit. */
const [OTHER, TOO_LARGE] = [-1, -2]

/** The argument of the head at `at`, in its shortest form, and moves behind it. `TOO_LARGE` moves nowhere. */
function readArgument(): number {
  const info = (from[at] ?? 0xff) & 0x1f
  if (info < 24) {
    at++
    return info
  }
  const length = info > 27 ? 0 : 1 << (info - 24)
  if (length === 0 || at + length >= from.byteLength) return OTHER
  let argument = 0
  for (let i = 1; i <= length; i++) argument = argument * 256 + (from[at + i] ?? 0)
  if (argument < (LEAST[info - 24] ?? 0)) return OTHER
  if (argument > Number.MAX_SAFE_INTEGER) return TOO_LARGE
  at += 1 + length
  return argument
}

/** Of a head with 1, 2, 4 and 8 bytes after it: less has a shorter one. */
const LEAST = [24, 0x100, 0x1_0000, 0x1_0000_0000]

function readBigint(): bigint {
  let value = 0n
  for (let i = 1; i <= 8; i++) value = value * 256n + BigInt(from[at + i] ?? 0)
  at += 9
  return value
}

/** Keys, types, models and peers come again and again: most of a record's texts are ones that were read before. */
const TEXTS_KEPT = 512
const KEPT_LENGTH_MAX = 64
const texts: string[] = Array.from({ length: TEXTS_KEPT }, () => '')
const ascii = new TextDecoder()

function textOf(start: number, length: number, hash: number): string {
  if (length > KEPT_LENGTH_MAX) return ascii.decode(from.subarray(start, start + length))
  const slot = (hash ^ (hash >>> 15)) & (TEXTS_KEPT - 1)
  const known = texts[slot]
  if (known?.length === length && isAt(start, known)) return known
  const text = ascii.decode(from.subarray(start, start + length))
  texts[slot] = text
  return text
}

function isAt(start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== from[start + i]) return false
  return true
}
