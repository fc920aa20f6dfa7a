import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeOf, makeAcceptance, makeOrder, PROMPT, RUNS, SECRET } from '../testing/fixtures.ts'
import { concat, encodeCanonical } from '../wire.ts'
import {
  type ConsumerFrame,
  DELTA_ITEMS_MAX,
  decodeConsumerFrame,
  decodeProviderFrame,
  deltaFrames,
  encodeFrame,
  FRAME_BYTES_MAX,
  PROMPT_BYTES_MAX,
  PROMPT_PART_BYTES_MAX,
  type ProviderFrame,
  promptFrames,
} from './frames.ts'

const plain = ({ bytes, signatures }: ReturnType<typeof makeOrder | typeof makeAcceptance>) => ({
  bytes,
  signatures: [...signatures],
})
const order = plain(makeOrder())
const signature = new Uint8Array(64).fill(3)

const CONSUMER_FRAMES: ConsumerFrame[] = [
  { t: 'order', order, authorization: null, secret: SECRET, trace: null },
  {
    t: 'order',
    order,
    authorization: order,
    secret: SECRET,
    trace: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  },
  { t: 'prompt', part: PROMPT, last: true },
  { t: 'prompt', part: new Uint8Array(0), last: false },
  { t: 'countersign', sequence: 2n ** 53n, signature },
  { t: 'refuse', sequence: 0n, code: 'HANSE_RECEIPT_AMOUNT' },
  { t: 'cancel' },
]
const PROVIDER_FRAMES: ProviderFrame[] = [
  { t: 'accept', acceptance: plain(makeAcceptance()) },
  { t: 'quote', quote: order },
  { t: 'reject', rejection: order },
  {
    t: 'delta',
    first: 7n,
    items: [
      [0, PROMPT],
      [3, PROMPT],
    ],
  },
  { t: 'receipt', bytes: PROMPT, signature },
]

describe('frames', () => {
  test.each(CONSUMER_FRAMES)('of the consumer come back: $t', (frame) => {
    expect(decodeConsumerFrame(encodeFrame(frame))).toEqual(frame)
    expect(codeOf(() => decodeProviderFrame(encodeFrame(frame)))).toBe('HANSE_FRAME_MALFORMED')
  })

  test.each(PROVIDER_FRAMES)('of the provider come back: $t', (frame) => {
    expect(decodeProviderFrame(encodeFrame(frame))).toEqual(frame)
    expect(codeOf(() => decodeConsumerFrame(encodeFrame(frame)))).toBe('HANSE_FRAME_MALFORMED')
  })

  test.each([
    ['an unknown type', { t: 'gossip' }],
    ['no type', {}],
    ['an extra key', { t: 'cancel', now: true }],
    ['a missing key', { t: 'prompt', last: true }],
    ['a short signature', { t: 'countersign', sequence: 0, signature: new Uint8Array(63) }],
    ['a negative number', { t: 'countersign', sequence: -1, signature }],
    ['an unknown code', { t: 'refuse', sequence: 0, code: 'toString' }],
    ['a list', [1]],
    ['a text', 'cancel'],
    ['null', null],
  ])('with %s are malformed', (_, value) => {
    for (const decode of [decodeConsumerFrame, decodeProviderFrame]) {
      expect(codeOf(() => decode(encodeCanonical(value)))).toBe('HANSE_FRAME_MALFORMED')
    }
  })

  test.each([
    ['no items', []],
    ['too many items', Array.from({ length: DELTA_ITEMS_MAX + 1 }, () => [0, PROMPT])],
    ['an item of three', [[0, PROMPT, 1]]],
    ['negative tokens', [[-1, PROMPT]]],
    ['text for bytes', [[1, 'text']]],
  ])('a delta with %s is malformed', (_, items) => {
    const bytes = encodeCanonical({ t: 'delta', first: 0, items })
    expect(codeOf(() => decodeProviderFrame(bytes))).toBe('HANSE_FRAME_MALFORMED')
  })

  test('over a mebibyte are refused unread', () => {
    const bytes = new Uint8Array(FRAME_BYTES_MAX + 1)
    expect(codeOf(() => decodeConsumerFrame(bytes))).toBe('HANSE_FRAME_TOO_LARGE')
    expect(codeOf(() => decodeProviderFrame(bytes))).toBe('HANSE_FRAME_TOO_LARGE')
  })

  test('with a mebibyte of text for a peer id are refused at once', () => {
    const signer = 'z'.repeat(FRAME_BYTES_MAX - 500)
    const evil = { bytes: PROMPT, signatures: [{ signer, role: 'consumer', signature }] }
    const bytes = encodeCanonical({
      t: 'order',
      order: evil,
      authorization: null,
      secret: SECRET,
      trace: null,
    })
    const started = performance.now()
    expect(codeOf(() => decodeConsumerFrame(bytes))).toBe('HANSE_FRAME_MALFORMED')
    expect(performance.now() - started).toBeLessThan(1000)
  })

  test('noise only ever throws our errors', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
        for (const decode of [decodeConsumerFrame, decodeProviderFrame]) {
          expect(codeOf(() => decode(noise))).toMatch(/^(HANSE_FRAME_|accepted)/u)
        }
      }),
      { numRuns: RUNS.cheap * 3 },
    )
  })

  test('mutated frames only ever throw our errors, or are other frames', () => {
    const frames = [...CONSUMER_FRAMES, ...PROVIDER_FRAMES].map(encodeFrame)
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.constantFrom(...frames), edits, fc.nat(3), (frame, changes, cut) => {
        const bad = Uint8Array.from(frame.subarray(0, frame.byteLength - cut))
        // Heads are what matters: most edits go to the first hundred bytes.
        for (const [at, byte] of changes) bad[at % Math.min(bad.byteLength, 100)] = byte
        for (const decode of [decodeConsumerFrame, decodeProviderFrame]) {
          expect(codeOf(() => decode(bad))).toMatch(/^(HANSE_FRAME_|accepted)/u)
        }
      }),
      { numRuns: RUNS.cheap * 3 },
    )
  })
})

describe('prompts', () => {
  test.each([
    0,
    1,
    PROMPT_PART_BYTES_MAX - 1,
    PROMPT_PART_BYTES_MAX,
    PROMPT_PART_BYTES_MAX + 1,
    2 * PROMPT_PART_BYTES_MAX,
    PROMPT_BYTES_MAX,
  ])('of %i bytes are split into frames that fit, and join again', (length) => {
    const body = new Uint8Array(length).fill(0x61)
    const frames = promptFrames(body) as Extract<ConsumerFrame, { t: 'prompt' }>[]
    expect(frames.map(({ last }) => last)).toEqual(frames.map((_, i) => i === frames.length - 1))
    expect(concat(frames.map(({ part }) => part)).byteLength).toBe(length)
    expect(frames).toHaveLength(Math.max(1, Math.ceil(length / PROMPT_PART_BYTES_MAX)))
    for (const frame of frames) {
      expect(encodeFrame(frame).byteLength).toBeLessThanOrEqual(FRAME_BYTES_MAX)
    }
  })
})

describe('deltas', () => {
  test('are split into frames that fit, numbered without a gap', () => {
    const sizes = fc.array(fc.oneof(fc.nat(2000), fc.constant(1_000_000), fc.constant(0)), {
      maxLength: 30,
    })
    fc.assert(
      fc.property(sizes, (lengths) => {
        const items = lengths.map((length) => [1, new Uint8Array(length)] as const)
        let next = 5n
        for (const frame of deltaFrames(5n, items)) {
          if (frame.t !== 'delta') throw new Error('not a delta')
          expect(frame.first).toBe(next)
          next += BigInt(frame.items.length)
          expect(codeOf(() => decodeProviderFrame(encodeFrame(frame)))).toBe('accepted')
        }
        expect(next).toBe(5n + BigInt(items.length))
      }),
      { numRuns: Math.ceil(RUNS.signed / 10) },
    )
  })

  test('by the thousand fill frames to their limit', () => {
    const items = Array.from({ length: 2500 }, () => [0, new Uint8Array(0)] as const)
    expect(deltaFrames(0n, items)).toHaveLength(3)
    expect(deltaFrames(0n, [])).toHaveLength(0)
  })
})
