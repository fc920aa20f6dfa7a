import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { cidOf, concat, encodeCanonical } from '../wire.ts'

/** Places are far larger than any input, and are taken modulo its length: so a shorter input keeps its mutations. */
const place = fc.nat(0xff_ffff)
const few = fc.uint8Array({ minLength: 1, maxLength: 8 })

/** Heads of CBOR items that claim more than there is. */
const HUGE_HEADS = [
  '5bffffffffffffffff',
  '5b7fffffffffffffff',
  '5a7fffffff',
  '59ffff',
  '7bffffffffffffffff',
  '7a7fffffff',
  '9bffffffffffffffff',
  '9b001fffffffffffff',
  '9a7fffffff',
  '99ffff',
  'bbffffffffffffffff',
  'ba00ffffff',
  '1bffffffffffffffff',
  '3bffffffffffffffff',
  'fb7ff8000000000000',
].map(fromHex)

/** Heads of one item's length that the next byte could say itself. */
const LONG_HEADS = ['18', '1900', '1a000000', '38', '58', '5900', '78', '98', 'b8', 'd900'].map(
  fromHex,
)

/** What nests when it is repeated: lists, maps, links, lists without an end. */
const NESTS = ['81', 'a16161', 'd82a', '9f', 'c0'].map(fromHex)

type Mutation = (input: Uint8Array) => Uint8Array

const splice = (input: Uint8Array, at: number, remove: number, put: Uint8Array): Uint8Array => {
  const from = input.byteLength === 0 ? 0 : at % (input.byteLength + 1)
  return concat([input.subarray(0, from), put, input.subarray(from + remove)])
}

const mutation = (other: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Mutation> =>
  fc.oneof(
    fc.tuple(place, fc.nat(7)).map(
      ([at, bit]): Mutation =>
        (input) => {
          const bytes = Uint8Array.from(input)
          const i = at % Math.max(1, bytes.byteLength)
          if (bytes.byteLength > 0) bytes[i] = (bytes[i] ?? 0) ^ (1 << bit)
          return bytes
        },
    ),
    fc.tuple(place, fc.constantFrom(0, 1, 0x17, 0x18, 0x1b, 0x7f, 0x80, 0xa0, 0xf6, 0xff)).map(
      ([at, byte]): Mutation =>
        (input) =>
          splice(input, at, 1, Uint8Array.of(byte)),
    ),
    fc.tuple(place, few).map(
      ([at, bytes]): Mutation =>
        (input) =>
          splice(input, at, 0, bytes),
    ),
    fc.tuple(place, fc.integer({ min: 1, max: 64 })).map(
      ([at, length]): Mutation =>
        (input) =>
          splice(input, at, length, new Uint8Array(0)),
    ),
    place.map(
      (at): Mutation =>
        (input) =>
          input.subarray(0, at % (input.byteLength + 1)),
    ),
    // A block twice or more, right behind itself.
    fc.tuple(place, fc.integer({ min: 1, max: 64 }), fc.integer({ min: 1, max: 4 })).map(
      ([at, length, times]): Mutation =>
        (input) => {
          const from = at % (input.byteLength + 1)
          const block = input.subarray(from, from + length)
          return splice(input, from, 0, concat(Array.from({ length: times }, () => block)))
        },
    ),
    fc.tuple(place, place, fc.nat(128), other).map(
      ([at, from, length, bytes]): Mutation =>
        (input) => {
          const start = from % (bytes.byteLength + 1)
          return splice(input, at, length, bytes.subarray(start, start + length))
        },
    ),
    fc.tuple(place, fc.constantFrom(...HUGE_HEADS), fc.nat(1)).map(
      ([at, head, remove]): Mutation =>
        (input) =>
          splice(input, at, remove, head),
    ),
    fc.tuple(place, fc.constantFrom(...LONG_HEADS)).map(
      ([at, head]): Mutation =>
        (input) =>
          splice(input, at, 0, head),
    ),
    fc.tuple(place, fc.constantFrom(...NESTS), fc.constantFrom(1, 2, 15, 16, 17, 100, 4000)).map(
      ([at, nest, depth]): Mutation =>
        (input) =>
          splice(input, at, 0, concat(Array.from({ length: depth }, () => nest))),
    ),
  )

/** Valid inputs, and others with up to four mutations of their bytes; some are spliced with a second valid input. */
export function mutated(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(valid, fc.array(mutation(valid), { maxLength: 4 }))
    .map(([input, mutations]) => mutations.reduce((bytes, mutate) => mutate(bytes), input))
}

const SCALARS: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  2 ** 32,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
  '',
  'hanse.order.v1',
  '__proto__',
  'é\u{1F600}',
  new Uint8Array(0),
  new Uint8Array(32),
  cidOf(new Uint8Array(0)),
  [],
  {},
]

/**
 * Values of the same shape as `sample`: most of them within what its fields allow, some at an edge or beyond. Each part
 * stays as it is more often than not, so that a whole record is often a right one.
 */
export function varied(sample: unknown): fc.Arbitrary<unknown> {
  const same = { arbitrary: fc.constant(sample), weight: 12 }
  const other = { arbitrary: fc.constantFrom(...SCALARS), weight: 1 }
  if (typeof sample === 'bigint' || typeof sample === 'number') {
    const integer = fc.oneof(
      fc.bigInt(0n, 2n ** 63n - 1n),
      fc.bigInt(0n, 300n),
      fc.constantFrom(0n, 2n ** 53n, -1n, 2n ** 64n - 1n),
    )
    return fc.oneof(same, { arbitrary: integer, weight: 2 }, other)
  }
  if (typeof sample === 'string') {
    return fc.oneof(
      same,
      { arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }), weight: 1 },
      other,
    )
  }
  if (sample instanceof Uint8Array) {
    const length = sample.byteLength
    const bytes = fc.uint8Array({ minLength: length, maxLength: length })
    return fc.oneof(same, { arbitrary: bytes, weight: 1 }, other)
  }
  if (typeof sample !== 'object' || sample === null || CID.asCID(sample) !== null) {
    return fc.oneof(same, other)
  }
  const inner: fc.Arbitrary<unknown> = Array.isArray(sample)
    ? variedList(sample)
    : variedMap(sample)
  return fc.oneof({ arbitrary: inner, weight: 24 }, other)
}

function variedList(sample: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.tuple(...sample.map(varied)), fc.nat(20))
    .map(([items, how]) => (how === 0 ? items.slice(1) : how === 1 ? [...items, ...items] : items))
}

function variedMap(sample: object): fc.Arbitrary<unknown> {
  const fields = Object.fromEntries(
    Object.entries(sample).map(([key, item]) => [key, varied(item)]),
  )
  return fc.tuple(fc.record(fields), fc.nat(60)).map(([map, how]) => {
    if (how === 0) return Object.fromEntries(Object.entries(map).slice(1))
    return how === 1 ? { ...map, extra: 1 } : map
  })
}

/** The bytes of values; what cannot be encoded at all becomes no bytes. */
export function encoded(values: fc.Arbitrary<unknown>): fc.Arbitrary<Uint8Array> {
  return values.map((value) => {
    try {
      return encodeCanonical(value)
    } catch {
      return new Uint8Array(0)
    }
  })
}

/** Bytes of values like these samples, whole and mutated. */
export function like(...samples: readonly unknown[]): fc.Arbitrary<Uint8Array> {
  const right = encoded(fc.oneof(...samples.map(varied)))
  return fc.oneof(right, mutated(right))
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../gu) ?? [], (byte) => Number.parseInt(byte, 16))
}
