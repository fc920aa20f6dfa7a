import { CID } from 'multiformats/cid'
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

/** Above a statement of many lines; prompts and long answers pass it, whose cost is their bytes. */
const PLAIN_BYTES_MAX = 64 * 1024

/** What is written lies here until it is copied out: an array of its own for each would be longer than what it holds. */
let into = new Uint8Array(4096)
let at = 0

/**
 * Canonical DAG-CBOR of what records and frames are made of: integers of up to 64 bits, ASCII, bytes, CIDs of records, arrays
 * and plain objects. `undefined` for anything else, which is left to the general encoder.
 */
export function encodePlain(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  at = 0
  return write(value, 0) ? into.slice(0, at) : undefined
}

function write(value: unknown, depth: number): boolean {
  if (depth > DEPTH_MAX) return false
  switch (typeof value) {
    case 'string':
      return writeText(value)
    case 'number':
      return Number.isSafeInteger(value) && !Object.is(value, -0) && writeInteger(value)
    case 'bigint':
      return writeBigint(value)
    case 'boolean':
      return writeByte(value ? TRUE : FALSE)
    case 'object':
      return writeObject(value, depth)
    case 'undefined':
    case 'function':
    case 'symbol':
      return false
  }
}

function writeObject(value: object | null, depth: number): boolean {
  if (value === null) return writeByte(NULL)
  if (value instanceof Uint8Array) return writeBytes(value)
  if (Array.isArray(value)) {
    if (!writeHead(MAJOR.array, value.length)) return false
    for (const item of value) if (!write(item, depth + 1)) return false
    return true
  }
  if (value instanceof CID) return writeCid(value)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return writeMap(value as Record<string, unknown>, depth)
}

function writeMap(value: Record<string, unknown>, depth: number): boolean {
  const keys = inOrder(Object.keys(value))
  if (!writeHead(MAJOR.map, keys.length)) return false
  for (const key of keys) {
    if (isOddKey(key) || !writeText(key) || !write(value[key], depth + 1)) return false
  }
  return true
}

/** By length, then by bytes, which are in the order of the text where it is ASCII. They are few: sorted as they are met. */
function inOrder(keys: string[]): string[] {
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i] ?? ''
    let to = i
    for (; to > 0 && isBefore(key, keys[to - 1] ?? ''); to--) keys[to] = keys[to - 1] ?? ''
    keys[to] = key
  }
  return keys
}

function isBefore(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length
}

function writeCid({ version, code, bytes }: CID): boolean {
  const isRecord =
    version === 1 &&
    code === DAG_CBOR &&
    bytes.byteLength === CID_BYTES &&
    bytes[2] === SHA2_256 &&
    bytes[3] === DIGEST_BYTES
  const before = CID_HEAD.byteLength - CID_PREFIX_BYTES
  if (!isRecord || !hasRoom(before + CID_BYTES)) return false
  into.set(CID_HEAD, at)
  into.set(bytes, at + before)
  at += before + CID_BYTES
  return true
}

function writeBytes(value: Uint8Array): boolean {
  const { byteLength } = value
  if (!writeHead(MAJOR.bytes, byteLength) || !hasRoom(byteLength)) return false
  into.set(value, at)
  at += byteLength
  return true
}

function writeText(text: string): boolean {
  const { length } = text
  if (!writeHead(MAJOR.text, length) || !hasRoom(length)) return false
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return false
    into[at + i] = code
  }
  at += length
  return true
}

function writeInteger(value: number): boolean {
  return value >= 0 ? writeHead(MAJOR.unsigned, value) : writeHead(MAJOR.negative, -1 - value)
}

function writeBigint(value: bigint): boolean {
  if (value < 0n || value > 0xffff_ffff_ffff_ffffn) return false
  if (value <= Number.MAX_SAFE_INTEGER) return writeHead(MAJOR.unsigned, Number(value))
  if (!hasRoom(9)) return false
  into[at] = MAJOR.unsigned + 27
  writeTail(at + 1, 4, Number(value >> 32n))
  writeTail(at + 5, 4, Number(value & 0xffff_ffffn))
  at += 9
  return true
}

function writeByte(byte: number): boolean {
  if (!hasRoom(1)) return false
  into[at++] = byte
  return true
}

/** A head in its shortest form. @param argument a safe integer, not negative */
function writeHead(major: number, argument: number): boolean {
  if (!hasRoom(9)) return false
  if (argument < 24) {
    into[at++] = major + argument
    return true
  }
  const more = argument < 0x100 ? 0 : argument < 0x1_0000 ? 1 : argument < 0x1_0000_0000 ? 2 : 3
  into[at] = major + 24 + more
  if (more === 3) {
    writeTail(at + 1, 4, Math.floor(argument / 0x1_0000_0000))
    writeTail(at + 5, 4, argument % 0x1_0000_0000)
  } else writeTail(at + 1, 1 << more, argument)
  at += 1 + (1 << more)
  return true
}

/** So many bytes of a number, the highest first. */
function writeTail(from: number, length: number, argument: number): void {
  for (let i = 0; i < length; i++) into[from + i] = argument >>> (8 * (length - 1 - i))
}

function hasRoom(bytes: number): boolean {
  const needed = at + bytes
  if (needed <= into.byteLength) return true
  if (needed > PLAIN_BYTES_MAX) return false
  const larger = new Uint8Array(Math.min(PLAIN_BYTES_MAX, Math.max(needed, 2 * into.byteLength)))
  larger.set(into.subarray(0, at))
  into = larger
  return true
}
