import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeOf, PROMPT, RUNS } from '../testing/fixtures.ts'
import { encodeCanonical } from '../wire.ts'
import { decodeDelta, encodeDelta } from './delta-frame.ts'
import {
  DELTA_ITEMS_MAX,
  DELTA_PAYLOAD_BYTES_MAX,
  decodeFrame,
  decodeProviderFrame,
  FRAME_BYTES_MAX,
  providerFrame,
} from './frames.ts'

const LIMITS = {
  frameBytesMax: FRAME_BYTES_MAX,
  itemsMax: DELTA_ITEMS_MAX,
  tokensMax: 1_000_000,
  payloadBytesMax: DELTA_PAYLOAD_BYTES_MAX,
}

/** Around each place where an argument takes more bytes. */
const edges = [0, 23, 24, 0xff, 0x100, 0xffff, 0x1_0000, 1_000_000, 0xffff_ffff]
const counts = fc.oneof(fc.nat(), fc.constantFrom(...edges.flatMap((edge) => [edge, edge + 1])))
const payloads = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  fc.constantFrom(23, 24, 255, 256, 65_535, 65_536).map((length) => new Uint8Array(length).fill(7)),
)
const framesOf = (payload: fc.Arbitrary<Uint8Array>, maxLength: number) =>
  fc.record({
    t: fc.constant('delta' as const),
    first: fc.oneof(counts.map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    items: fc.array(fc.tuple(counts, payload), { maxLength }),
  })
const deltas = framesOf(payloads, 40)

describe('a delta frame', () => {
  test('has the bytes of the general encoder', () => {
    fc.assert(
      fc.property(deltas, (frame) => {
        const bytes = encodeDelta(frame.first, frame.items)
        if (bytes !== undefined) expect(bytes).toEqual(encodeCanonical(frame))
        else
          expect(frame.first > 0xffff_ffffn || frame.items.some(([n]) => n > 0xffff_ffff)).toBe(
            true,
          )
      }),
      { numRuns: RUNS.cheap },
    )
  })

  test('is read as the general decoder reads it', () => {
    fc.assert(
      fc.property(deltas, (frame) => {
        const bytes = encodeCanonical(frame)
        const read = decodeDelta(bytes, LIMITS)
        if (read !== undefined) expect(decodeFrame(providerFrame, bytes)).toEqual(read)
        const good = frame.items.length > 0 && frame.items.every(([n]) => n <= LIMITS.tokensMax)
        expect(read !== undefined).toBe(good && frame.first <= 0xffff_ffffn)
      }),
      { numRuns: RUNS.cheap },
    )
  })

  test('that is damaged is refused for the reason that the general decoder has', () => {
    const damage = fc.record({
      frame: framesOf(fc.uint8Array({ maxLength: 30 }), 3).map((frame) => encodeCanonical(frame)),
      at: fc.nat(),
      remove: fc.nat(2),
      insert: fc.uint8Array({ maxLength: 2 }),
    })
    fc.assert(
      fc.property(damage, ({ frame, at, remove, insert }) => {
        const bytes = [...frame]
        bytes.splice(at % bytes.length, remove, ...insert)
        const damaged = Uint8Array.from(bytes)
        expect(outcome(() => decodeProviderFrame(damaged))).toEqual(
          outcome(() => decodeFrame(providerFrame, damaged)),
        )
      }),
      { numRuns: RUNS.cheap * 4 },
    )
  })

  test.each([
    ['too many items', Array.from({ length: DELTA_ITEMS_MAX + 1 }, () => [1, PROMPT])],
    ['no items', []],
    ['too many tokens', [[1_000_001, PROMPT]]],
    ['too long a payload', [[1, new Uint8Array(DELTA_PAYLOAD_BYTES_MAX + 1)]]],
    ['a pair of three', [[1, PROMPT, 1]]],
    ['text in place of bytes', [[1, 'x']]],
  ])('with %s is malformed', (_, items) => {
    const bytes = encodeCanonical({ t: 'delta', first: 0n, items })
    expect(decodeDelta(bytes, LIMITS)).toBeUndefined()
    expect(codeOf(() => decodeProviderFrame(bytes))).toBe('HANSE_FRAME_MALFORMED')
  })

  test('with a length in more bytes than it needs is malformed', () => {
    const bytes = encodeCanonical({ t: 'delta', first: 0n, items: [[1, new Uint8Array(23)]] })
    const at = bytes.length - 24
    const longer = Uint8Array.of(...bytes.subarray(0, at), 0x58, 23, ...bytes.subarray(at + 1))
    expect(decodeDelta(longer, LIMITS)).toBeUndefined()
    expect(codeOf(() => decodeProviderFrame(longer))).toBe('HANSE_FRAME_MALFORMED')
  })
})

function outcome(decode: () => unknown): unknown {
  try {
    return { frame: decode() }
  } catch (error) {
    return { code: (error as { code?: string }).code }
  }
}
