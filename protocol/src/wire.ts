import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import * as Digest from 'multiformats/hashes/digest'
import { sha256 } from '#crypto'
import { hasMoreNodes } from './cbor/count-nodes.ts'
import { decodePlain, UNREAD } from './cbor/decode-plain.ts'
import { encodePlain } from './cbor/encode-plain.ts'
import { DEPTH_MAX, SHA2_256 } from './cbor/heads.ts'
import { HanseError } from './errors.ts'

/** Equal length and bytes. Not for secrets: it stops at the first difference. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false
  for (let i = 0; i < a.byteLength; i++) if (a[i] !== b[i]) return false
  return true
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.byteLength
  }
  return joined
}

/** Unsigned LEB128, as multiformats writes it. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7f) {
    bytes.push((rest % 128) | 0x80)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return Uint8Array.from(bytes)
}

export const utf8 = (text: string): Uint8Array => encoder.encode(text)
const encoder = new TextEncoder()

/** The name of a record: CIDv1, dag-cbor, sha2-256 of its bytes. */
export function cidOf(bytes: Uint8Array): CID {
  return CID.createV1(dagCbor.code, Digest.create(SHA2_256, sha256(bytes)))
}

/** Whether `value` is a CID of a record: v1, dag-cbor, sha2-256. */
export function isRecordCid(value: unknown): value is CID {
  const cid = CID.asCID(value)
  return (
    cid !== null &&
    cid.version === 1 &&
    cid.code === dagCbor.code &&
    cid.multihash.code === SHA2_256 &&
    cid.multihash.digest.byteLength === 32
  )
}

/** The CID that a text names. @throws {Error} when it names none */
export const parseCid = (text: string): CID => CID.parse(text)

/**
 * Canonical DAG-CBOR.
 *
 * @throws {TypeError} on floats, `undefined`, and numbers beyond 2⁵³ (use a bigint): a programming fault, not bad input.
 */
export function encodeCanonical(value: unknown): Uint8Array {
  return encodePlain(value) ?? encodeAny(value)
}

/** The same by the general encoder, for all that there is in DAG-CBOR. */
function encodeAny(value: unknown): Uint8Array {
  assertEncodable(value)
  // A copy: in Node the encoder hands out Buffers, some of them windows on a pool shared with others.
  return new Uint8Array(dagCbor.encode(value))
}

/**
 * Nodes that anything may have, and bytes of its limit for each that it may have beside them: what is decoded from a node
 * takes up to 200 bytes of memory, however short it is. Records and frames have less than 256 nodes, the largest Delta frame
 * 3,100, the lines of a Statement one to 323 bytes.
 */
const [NODES, BYTES_PER_NODE] = [4096, 16]

/**
 * Decodes one item, and proves that it is canonical.
 *
 * @param nodesMax numbers, texts (keys among them), byte strings, lists, maps and tags
 * @throws {HanseError} HANSE_RECORD_TOO_LARGE, HANSE_RECORD_MALFORMED, HANSE_RECORD_NOT_CANONICAL
 */
export function decodeCanonical(
  bytes: Uint8Array,
  bytesMax: number,
  nodesMax: number = NODES + Math.floor(bytesMax / BYTES_PER_NODE),
): unknown {
  if (bytes.byteLength > bytesMax) {
    throw new HanseError('HANSE_RECORD_TOO_LARGE', `${bytes.byteLength} bytes, at most ${bytesMax}`)
  }
  // Before either decoder makes the first of them.
  if (hasMoreNodes(bytes, nodesMax)) {
    throw new HanseError('HANSE_RECORD_MALFORMED', `more than ${nodesMax} values and keys`)
  }
  const plain = decodePlain(bytes)
  return plain === UNREAD ? decodeAny(bytes) : plain
}

/**
 * The same by the general codec, which proves it by encoding again: its decoder alone accepts unsorted keys, floats for
 * integers and bad UTF-8.
 *
 * @throws {HanseError} HANSE_RECORD_MALFORMED, HANSE_RECORD_NOT_CANONICAL
 */
export function decodeAny(bytes: Uint8Array): unknown {
  let value: unknown
  try {
    value = dagCbor.decode(bytes)
  } catch (cause) {
    throw new HanseError('HANSE_RECORD_MALFORMED', 'not one DAG-CBOR item', { cause })
  }
  let again: Uint8Array | undefined
  try {
    again = encodeAny(value)
  } catch {
    // A value that may not be encoded, such as a float, cannot have come from a canonical encoder.
  }
  if (again === undefined || !bytesEqual(again, bytes)) {
    throw new HanseError('HANSE_RECORD_NOT_CANONICAL', 'the bytes are not canonical DAG-CBOR')
  }
  return value
}

function assertEncodable(value: unknown, depth = 0): void {
  if (depth > DEPTH_MAX) throw new TypeError('nested too deeply')
  switch (typeof value) {
    case 'string':
      assertText(value)
      return
    case 'boolean':
    case 'bigint':
      return
    case 'number':
      if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
        throw new TypeError(`not a safe integer: ${value}`)
      }
      return
    case 'object':
      if (value === null || value instanceof Uint8Array || CID.asCID(value) !== null) return
      if (Array.isArray(value)) {
        for (const item of value) assertEncodable(item, depth + 1)
        return
      }
      for (const [key, item] of Object.entries(value)) {
        assertText(key)
        assertEncodable(item, depth + 1)
      }
      return
    case 'undefined':
    case 'function':
    case 'symbol':
      throw new TypeError(`cannot encode ${typeof value}`)
  }
}

/** Text that every UTF-8 decoder gives back: a lone surrogate is replaced, a leading byte order mark dropped by most. */
function assertText(value: string): void {
  if (!value.isWellFormed()) throw new TypeError('text with a lone surrogate')
  if (value.startsWith('\u{FEFF}')) throw new TypeError('text with a byte order mark')
}
