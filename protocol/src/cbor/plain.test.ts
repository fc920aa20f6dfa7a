import * as dagCbor from '@ipld/dag-cbor'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { fromHex } from '../testing/fixtures.ts'
import { mutated } from '../testing/fuzz-mutations.ts'
import { consumerSamples, providerSamples, recordSamples } from '../testing/fuzz-samples.ts'
import { bytesEqual, cidOf, decodeAny, encodeCanonical, utf8 } from '../wire.ts'
import { decodePlain, UNREAD } from './decode-plain.ts'
import { encodePlain } from './encode-plain.ts'

const CASES = 5_000

/** What there is in records and frames, in shapes that they do not have. */
const values = fc.letrec<{ value: unknown; leaf: unknown }>((tie) => ({
  leaf: fc.oneof(
    fc.maxSafeInteger(),
    fc.constantFrom(0, 23, 24, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000),
    fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, -24, -25, -0x1_0000_0001),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.string({ maxLength: 80 }),
    fc.string({ maxLength: 10, unit: 'binary' }),
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array().map((bytes) => cidOf(bytes)),
    fc.boolean(),
    fc.constant(null),
  ),
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 30 }),
    fc.dictionary(
      fc.oneof(
        fc.string({ maxLength: 12 }),
        fc.constantFrom('a', 'b', 'aa', '/', 'bytes', '__proto__', '1', '02'),
      ),
      tie('value'),
      { maxKeys: 40 },
    ),
  ),
})).value

const samples: readonly unknown[] = [
  // The dash of a signed note is not ASCII.
  ...recordSamples().flatMap(({ fields }) => ('proof' in fields ? [] : [fields])),
  ...consumerSamples(),
  ...providerSamples(),
]
const sampleBytes = samples.map((sample) => dagCbor.encode(sample))

describe('what is encoded without the general encoder', () => {
  test('is what that one makes of it', () => {
    fc.assert(
      fc.property(values, (value) => {
        const plain = encodePlain(value)
        if (plain !== undefined) expect(bytesEqual(plain, dagCbor.encode(value))).toBe(true)
      }),
      { numRuns: CASES },
    )
  })

  test('covers every record and frame, and no more than its room', () => {
    for (const sample of samples) expect(encodePlain(sample)).toBeDefined()
    expect(encodePlain(new Uint8Array(60_000))?.byteLength).toBe(60_003)
    expect(encodePlain(new Uint8Array(70_000))).toBeUndefined()
    expect(encodePlain(['x'.repeat(65_535), 1])).toBeUndefined()
  })

  test('is nothing that is not written in one way alone, or not ours', () => {
    const foreign = CID.parse('QmPZ9gcCEpqKTo6aq61g2nXGUhM4iCL3ewB6LDXZCtioEB')
    const cyclic: unknown[] = []
    cyclic.push(cyclic)
    const sparse: unknown[] = []
    sparse[1] = 1
    const odd = [-0, 0.5, 2 ** 53, Number.NaN, -1n, 2n ** 64n, 'é', '\u{D800}', undefined]
    const objects = [new Map(), new Set(), new Date(), new Int8Array(2), foreign, cyclic]
    for (const value of [...odd, ...objects, { '/': 1 }, { a: undefined }, sparse])
      expect(encodePlain(value)).toBeUndefined()
    expect(encodePlain(JSON.parse('{"__proto__": 1}'))).toBeUndefined()
  })
})

describe('what is decoded without the general decoder', () => {
  /** It may be read here only where the general decoder accepts it, and gives the same. */
  const sameOrUnread = (bytes: Uint8Array): void => {
    const plain = decodePlain(bytes)
    if (plain === UNREAD) return
    const general = decodeAny(bytes)
    expect(plain).toStrictEqual(general)
    expect(bytesEqual(dagCbor.encode(plain), bytes)).toBe(true)
  }

  test('is what that one reads, for what was encoded', () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = encodedOrNot(value)
        fc.pre(bytes !== undefined)
        sameOrUnread(bytes)
      }),
      { numRuns: CASES },
    )
  })

  test('is what that one reads, for records and frames of which something was changed', () => {
    fc.assert(
      fc.property(mutated(fc.constantFrom(...sampleBytes)), (bytes) => sameOrUnread(bytes)),
      { numRuns: 2 * CASES },
    )
  })

  test('is what that one reads, for bytes of any kind', () => {
    const heads = fc.constantFrom(0x00, 0x18, 0x19, 0x1a, 0x1b, 0x20, 0x38, 0x40, 0x58, 0x61, 0x80)
    const more = fc.constantFrom(0xa1, 0xa2, 0xd8, 0x2a, 0xf4, 0xf5, 0xf6, 0xf7, 0xfb, 0xff)
    const bytes = fc.array(fc.oneof(heads, more, fc.integer({ min: 0, max: 255 })), {
      maxLength: 24,
    })
    fc.assert(
      fc.property(bytes, (all) => sameOrUnread(Uint8Array.from(all))),
      { numRuns: 4 * CASES },
    )
  })

  test('covers every record and frame', () => {
    for (const bytes of sampleBytes) expect(decodePlain(bytes)).not.toBe(UNREAD)
  })

  test('shares no memory with its bytes', () => {
    const bytes = encodeCanonical({ a: new Uint8Array(80).fill(1), cid: cidOf(utf8('x')) })
    const read = decodePlain(bytes) as { a: Uint8Array; cid: CID }
    bytes.fill(0)
    expect(read.a).toEqual(new Uint8Array(80).fill(1))
    expect(read.cid.equals(cidOf(utf8('x')))).toBe(true)
  })

  test.each([
    ['two items', '0000'],
    ['nothing', ''],
    ['a longer head than needed', '1817'],
    ['a longer head, in 8 bytes', '1b00000000ffffffff'],
    ['a length without its bytes', '42 00'],
    ['a list without its items', '9a ffffffff'],
    ['keys out of order', 'a2 6162 00 6161 00'],
    ['a key there twice', 'a2 6161 00 6161 00'],
    ['a longer key before a shorter one', 'a2 626161 00 6162 00'],
    ['a key that is a number', 'a1 00 00'],
    ['text beyond ASCII', '62 c3a9'],
    ['a float', 'fb 3ff0000000000000'],
    ['undefined', 'f7'],
    ['a negative number beyond the safe ones', '3b 001fffffffffffff'],
    ['indefinite length', '9f ff'],
    ['another tag', 'c0 00'],
    ['a CID of another code', 'd82a 5825 00 01 70 12 20'.concat('00'.repeat(32))],
    ['a CID that is cut', 'd82a 5825 00 01 71 12 20'.concat('00'.repeat(31))],
    ['a prototype', 'a1 69 5f5f70726f746f5f5f 00'],
    ['the mark of a CID', 'a1 612f 00'],
    ['lists within lists', `${'81'.repeat(17)}00`],
  ])('is never %s', (_, hex) => {
    expect(decodePlain(fromHex(hex.replaceAll(' ', '')))).toBe(UNREAD)
  })
})

/** `undefined` for what only looks like a CID to the general encoder, which throws. */
function encodedOrNot(value: unknown): Uint8Array | undefined {
  try {
    return dagCbor.encode(value)
  } catch {
    return undefined
  }
}
