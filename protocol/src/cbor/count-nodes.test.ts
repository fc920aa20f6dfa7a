import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { HanseError } from '../errors.ts'
import { consumerSamples, providerSamples, recordSamples } from '../testing/fuzz-samples.ts'
import { cidOf, decodeCanonical, encodeCanonical } from '../wire.ts'
import { hasMoreNodes } from './count-nodes.ts'

const values = fc.letrec<{ value: unknown; leaf: unknown }>((tie) => ({
  leaf: fc.oneof(
    fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
    fc.string({ maxLength: 300, unit: 'binary' }).filter((text) => !text.startsWith('\u{FEFF}')),
    fc.uint8Array({ maxLength: 300 }),
    fc.uint8Array().map((bytes) => cidOf(bytes)),
    fc.constantFrom(true, false, null),
  ),
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 30 }),
    fc.dictionary(fc.string({ minLength: 1, maxLength: 40 }), tie('value'), { maxKeys: 30 }),
  ),
})).value

function nodesOf(value: unknown): number {
  // A tag, and the bytes in it.
  if (CID.asCID(value) !== null) return 2
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + nodesOf(item), 1)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 1
  return Object.values(value).reduce<number>((sum, item) => sum + 1 + nodesOf(item), 1)
}

const codeOf = (read: () => unknown): string => {
  try {
    read()
    return 'accepted'
  } catch (error) {
    if (!(error instanceof HanseError)) throw error
    return error.code
  }
}

/** A list that has so many nodes, itself among them. */
const listOf = (nodes: number, item: unknown) =>
  encodeCanonical(Array.from({ length: nodes - 1 }, () => item))

describe('what bytes would be decoded to', () => {
  test('is counted to the node', () => {
    fc.assert(
      fc.property(values, (value) => {
        const bytes = encodeCanonical(value)
        const nodes = nodesOf(value)
        expect(hasMoreNodes(bytes, nodes)).toBe(false)
        expect(hasMoreNodes(bytes, nodes - 1)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  test('is counted for bytes of any kind, which are no more than their length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(64), (bytes, nodesMax) => {
        expect(hasMoreNodes(bytes, nodesMax) && bytes.byteLength <= nodesMax).toBe(false)
      }),
      { numRuns: 5_000 },
    )
  })
})

describe('more than a body may be decoded to', () => {
  test.each([
    ['numbers', 0],
    ['byte strings', new Uint8Array(0)],
    ['texts', ''],
    ['texts that only the general decoder reads', 'é'],
    ['lists', []],
    ['maps', {}],
    ['nulls', null],
  ])('is refused: %s', (_, item) => {
    const decode = (nodes: number) => decodeCanonical(listOf(nodes, item), 4_000, 1_000)
    expect(codeOf(() => decode(1_000))).toBe('accepted')
    expect(codeOf(() => decode(1_001))).toBe('HANSE_RECORD_MALFORMED')
  })

  test('is refused also where the caller names no limit', () => {
    const decode = (nodes: number) => decodeCanonical(listOf(nodes, 0), 1 << 20)
    expect(codeOf(() => decode(4096 + 65_536))).toBe('accepted')
    expect(codeOf(() => decode(4096 + 65_537))).toBe('HANSE_RECORD_MALFORMED')
  })

  test('is far from every record and frame', () => {
    const samples = [...consumerSamples(), ...providerSamples()].map((each) =>
      encodeCanonical(each),
    )
    for (const bytes of [...samples, ...recordSamples().map((each) => each.bytes)]) {
      expect(hasMoreNodes(bytes, 256), `${bytes.byteLength} bytes`).toBe(false)
    }
  })
})
