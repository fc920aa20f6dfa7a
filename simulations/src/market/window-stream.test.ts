import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  capOf,
  openingOf,
  RECEIPT_EVERY,
  type StreamPlan,
  streamThroughWindow,
} from './window-stream.ts'

const PRICES = { inputPrice: 360_000n, outputPrice: 2_730_000n }
const plan = (changes: Partial<StreamPlan> & { inputTokens: number }): StreamPlan => {
  const cap = capOf(changes.inputTokens, PRICES, RECEIPT_EVERY)
  return {
    ...PRICES,
    outputTokens: 200,
    tokenMs: 50,
    roundTripMs: 40,
    receiptEvery: RECEIPT_EVERY,
    cap,
    opening: openingOf({ ...PRICES, inputTokens: changes.inputTokens, cap }),
    prepaid: false,
    countersigns: Number.POSITIVE_INFINITY,
    counts: 1,
    breaksAfterMs: Number.POSITIVE_INFINITY,
    ...changes,
  }
}

test('an honest answer comes whole, and all of it is signed for', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8_000 }),
      fc.integer({ min: 1, max: 3_000 }),
      (input, output) => {
        const end = streamThroughWindow(plan({ inputTokens: input, outputTokens: output }))
        const cost = BigInt(input) * PRICES.inputPrice + BigInt(output) * PRICES.outputPrice
        expect(end).toMatchObject({
          whole: true,
          isWithheld: false,
          tokens: output,
          unsigned: 0n,
          signed: cost,
        })
      },
    ),
    { numRuns: 200 },
  )
})

test('whatever is countersigned, never is more unsigned than the window that was agreed on', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8_000 }),
      fc.integer({ min: 1, max: 3_000 }),
      fc.integer({ min: 0, max: 12 }),
      (inputTokens, outputTokens, countersigns) => {
        const asked = plan({ inputTokens, outputTokens, countersigns })
        const end = streamThroughWindow(asked)
        expect(end.unsigned <= asked.cap).toBe(true)
        expect(end.unsigned <= (countersigns === 0 ? asked.opening : asked.cap)).toBe(true)
      },
    ),
    { numRuns: 300 },
  )
})

test('who never countersigns gets a prompt and an eighth of a thousand tokens, and no more', () => {
  const end = streamThroughWindow(plan({ inputTokens: 400, outputTokens: 2_000, countersigns: 0 }))
  expect(end).toMatchObject({ isWithheld: true, whole: false, signed: 0n })
  expect(end.tokens).toBeGreaterThan(100)
  expect(end.tokens).toBeLessThan(200)
})

test('a far and fast provider waits for countersignatures, a near and slow one does not', () => {
  const far = streamThroughWindow(
    plan({ inputTokens: 100, outputTokens: 1_000, tokenMs: 2, roundTripMs: 400 }),
  )
  const near = streamThroughWindow(plan({ inputTokens: 100, outputTokens: 1_000, roundTripMs: 20 }))
  expect(far.stalledMs / far.ms).toBeGreaterThan(0.2)
  expect(near.stalledMs / near.ms).toBeLessThan(0.01)
})

test('an answer that breaks is paid up to its last receipt', () => {
  const end = streamThroughWindow(
    plan({ inputTokens: 100, outputTokens: 1_000, breaksAfterMs: 20_000 }),
  )
  expect(end.whole).toBe(false)
  // One token in 50 ms, less what it was held up for two countersignatures.
  expect(end.tokens).toBeGreaterThan(390)
  expect(end.tokens).toBeLessThanOrEqual(401)
  expect(end.signed).toBeGreaterThan(0n)
  expect(end.signed).toBeLessThan(100n * PRICES.inputPrice + 401n * PRICES.outputPrice)
})

test('the count of a liar is bounded by the bytes that it sent', () => {
  const end = streamThroughWindow(plan({ inputTokens: 10, outputTokens: 100, counts: 100 }))
  expect(end.counted).toBe(100 * 4 + 32)
})

test('of one who is to pay for the prompt first all is as it was, but for those who do not', () => {
  const asked = { inputTokens: 2_000, outputTokens: 600, prepaid: true }
  const honest = streamThroughWindow(plan(asked))
  expect(honest).toMatchObject({ whole: true, tokens: 600, unsigned: 0n, isWithheld: false })
  expect(honest.signed).toBe(2_000n * PRICES.inputPrice + 600n * PRICES.outputPrice)
  const nothing = streamThroughWindow(plan({ ...asked, countersigns: 0 }))
  expect(nothing).toMatchObject({ tokens: 0, isWithheld: true, signed: 0n })
  const paidOnce = streamThroughWindow(plan({ ...asked, countersigns: 1 }))
  expect(paidOnce).toMatchObject({ tokens: 16, isWithheld: true })
  expect(paidOnce.unsigned).toBe(16n * PRICES.outputPrice)
})
