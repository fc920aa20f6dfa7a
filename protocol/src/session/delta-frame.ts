import { concat, utf8 } from '../wire.ts'

/** Delta frames are nearly all that a session sends. This is their canonical DAG-CBOR, written and read by hand. */

export type DeltaItem = [tokens: number, payload: Uint8Array]

export interface DeltaLimits {
  readonly frameBytesMax: number
  readonly itemsMax: number
  readonly tokensMax: number
  readonly payloadBytesMax: number
}

/** Major types of CBOR (RFC 8949, 3.1), in the upper three bits of a head. */
const [UNSIGNED, BYTES, TEXT, ARRAY, MAP] = [0x00, 0x40, 0x60, 0x80, 0xa0]
/** Smaller arguments are in the head itself; these heads have 1, 2 and 4 bytes after them. */
const [ONE_BYTE, TWO_BYTES, FOUR_BYTES] = [24, 25, 26]
const ARGUMENT_MAX = 0xffff_ffff

const text = (value: string) => concat([Uint8Array.of(TEXT + value.length), utf8(value)])
/** The keys of DAG-CBOR are ordered by length. */
const BEFORE_FIRST = concat([Uint8Array.of(MAP + 3), text('t'), text('delta'), text('first')])
const BEFORE_ITEMS = text('items')
const PAIR = ARRAY + 2

/** What the general encoder makes of a delta frame; `undefined` for what is left to it. */
export function encodeDelta(
  first: bigint,
  items: readonly (readonly [tokens: number, payload: Uint8Array])[],
): Uint8Array | undefined {
  if (first < 0n || first > ARGUMENT_MAX) return undefined
  let size = BEFORE_FIRST.byteLength + BEFORE_ITEMS.byteLength
  size += headBytes(Number(first)) + headBytes(items.length)
  for (const [tokens, { byteLength }] of items) {
    if (!isArgument(tokens)) return undefined
    size += 1 + headBytes(tokens) + headBytes(byteLength) + byteLength
  }
  const frame = new Uint8Array(size)
  frame.set(BEFORE_FIRST)
  let at = writeHead(frame, BEFORE_FIRST.byteLength, UNSIGNED, Number(first))
  frame.set(BEFORE_ITEMS, at)
  at = writeHead(frame, at + BEFORE_ITEMS.byteLength, ARRAY, items.length)
  for (const [tokens, payload] of items) {
    frame[at++] = PAIR
    at = writeHead(frame, at, UNSIGNED, tokens)
    at = writeHead(frame, at, BYTES, payload.byteLength)
    frame.set(payload, at)
    at += payload.byteLength
  }
  return frame
}

/**
 * Reads a delta frame that is canonical and within its limits; `undefined` for anything else, which the general decoder
 * names the fault of. Payloads are views into the frame.
 */
export function decodeDelta(
  frame: Uint8Array,
  limits: DeltaLimits,
): { t: 'delta'; first: bigint; items: DeltaItem[] } | undefined {
  if (frame.byteLength > limits.frameBytesMax) return undefined
  const reader = new HeadReader(frame)
  if (!reader.skips(BEFORE_FIRST)) return undefined
  const first = reader.head(UNSIGNED)
  if (first < 0 || !reader.skips(BEFORE_ITEMS)) return undefined
  const count = reader.head(ARRAY)
  if (count < 1 || count > limits.itemsMax) return undefined
  const items: DeltaItem[] = []
  for (let i = 0; i < count; i++) {
    if (reader.head(ARRAY) !== 2) return undefined
    const tokens = reader.head(UNSIGNED)
    const length = reader.head(BYTES)
    const { at } = reader
    if (tokens < 0 || tokens > limits.tokensMax) return undefined
    if (length < 0 || length > limits.payloadBytesMax) return undefined
    reader.at += length
    if (reader.at > frame.byteLength) return undefined
    items.push([tokens, frame.subarray(at, reader.at)])
  }
  return reader.at === frame.byteLength ? { t: 'delta', first: BigInt(first), items } : undefined
}

class HeadReader {
  readonly #bytes: Uint8Array
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  skips(expected: Uint8Array): boolean {
    for (let i = 0; i < expected.byteLength; i++) {
      if (this.#bytes[this.at + i] !== expected[i]) return false
    }
    this.at += expected.byteLength
    return true
  }

  /** The argument of a head of this major type, in its shortest form; negative for another one. */
  head(major: number): number {
    const bytes = this.#bytes
    const { at } = this
    const inHead = (bytes[at] ?? 0xff) - major
    if (inHead < 0 || inHead > FOUR_BYTES) return -1
    const length = inHead < ONE_BYTE ? 0 : inHead === ONE_BYTE ? 1 : inHead === TWO_BYTES ? 2 : 4
    if (at + 1 + length > bytes.byteLength) return -1
    this.at += 1 + length
    if (length === 0) return inHead
    let argument = 0
    for (let i = 1; i <= length; i++) argument = argument * 256 + (bytes[at + i] ?? 0)
    return headBytes(argument) === 1 + length ? argument : -1
  }
}

function isArgument(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= ARGUMENT_MAX && !Object.is(value, -0)
}

/** Bytes of a head with this argument, of up to 32 bits. */
function headBytes(argument: number): number {
  if (argument < ONE_BYTE) return 1
  return argument < 0x100 ? 2 : argument < 0x1_0000 ? 3 : 5
}

/** Writes a head in its shortest form, and returns where it ends. */
function writeHead(into: Uint8Array, at: number, major: number, argument: number): number {
  const length = headBytes(argument) - 1
  into[at] =
    major +
    (length === 0 ? argument : length === 1 ? ONE_BYTE : length === 2 ? TWO_BYTES : FOUR_BYTES)
  for (let i = length, rest = argument; i > 0; i--) {
    into[at + i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return at + 1 + length
}
