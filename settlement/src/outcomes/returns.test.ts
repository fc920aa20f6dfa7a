import fc from 'fast-check'
import { expect, test } from 'vitest'
import { frontier, returnsOf, wilson } from './returns.ts'

test('the interval of a share is the one of the textbooks', () => {
  // Newcombe 1998, table I: 81 of 263, and 0 of 20.
  const [low, high] = wilson(81, 263)
  expect(low).toBeCloseTo(0.2553, 4)
  expect(high).toBeCloseTo(0.3662, 4)
  expect(wilson(0, 20)[1]).toBeCloseTo(0.1611, 4)
  expect(wilson(0, 0)).toEqual([0, 1])
})

test('the interval holds the share, stays within 0 and 1, and narrows with more of the same', () => {
  const counts = fc
    .integer({ min: 1, max: 10_000 })
    .chain((all) => fc.tuple(fc.nat(all), fc.constant(all)))
  fc.assert(
    fc.property(counts, ([good, all]) => {
      const [low, high] = wilson(good, all)
      expect(low).toBeGreaterThanOrEqual(0)
      expect(high).toBeLessThanOrEqual(1)
      expect(low).toBeLessThanOrEqual(good / all + 1e-12)
      expect(high).toBeGreaterThanOrEqual(good / all - 1e-12)
      const [lower, higher] = wilson(10 * good, 10 * all)
      expect(higher - lower).toBeLessThan(high - low)
    }),
  )
})

test('a good outcome costs what all sessions cost, the bad ones too', () => {
  const sums = { outcomes: 5, settled: 4, good: 3, goodSettled: 2, cost: 1_001n, value: 5_000n }
  expect(returnsOf(sums)).toMatchObject({ costPerGood: 500n, share: 0.6, profit: 3_999n })
  expect(returnsOf({ ...sums, goodSettled: 0 }).costPerGood).toBeNull()
})

const choice = fc.record({
  cost: fc.bigInt(0n, 20n),
  share: fc.integer({ min: 0, max: 20 }).map((n) => n / 20),
})

test('on the frontier is exactly what nothing beats', () => {
  fc.assert(
    fc.property(fc.array(choice, { maxLength: 12 }), (drawn) => {
      const choices = drawn.map((one, i) => ({ key: `${i}`, ...one }))
      const on = new Set(frontier(choices))
      for (const one of choices) {
        const isBeaten = choices.some(
          (other) =>
            (other.cost < one.cost && other.share >= one.share) ||
            (other.cost <= one.cost && other.share > one.share),
        )
        expect(on.has(one.key)).toBe(!isBeaten)
      }
    }),
  )
})

test('the frontier goes from the cheapest to the best', () => {
  expect(
    frontier([
      { key: 'best', cost: 9n, share: 0.9 },
      { key: 'dear and no better', cost: 9n, share: 0.8 },
      { key: 'cheap', cost: 1n, share: 0.5 },
    ]),
  ).toEqual(['cheap', 'best'])
})
