import { expect, test } from 'vitest'
import { medianInterval } from './interval.ts'

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

test.each([
  // Of twelve: the third and the tenth, with a chance of 96.14 %, as in tables of the sign test.
  [12, 3, 10, 0.9614],
  [10, 2, 9, 0.9785],
  [6, 1, 6, 0.9688],
  // Too few for 95 %: the outermost two, and how sure they are.
  [5, 1, 5, 0.9375],
  [2, 1, 2, 0.5],
])('of %i rounds the median lies between the %i. and the %i.', (count, low, high, confidence) => {
  const found = medianInterval(upTo(count).toReversed())
  expect([found.low, found.high]).toEqual([low, high])
  expect(found.confidence).toBeCloseTo(confidence, 4)
  expect(found.median).toBe((count + 1) / 2)
})

test('of one round nothing is sure', () => {
  expect(medianInterval([7])).toEqual({ median: 7, low: 7, high: 7, confidence: 0 })
  expect(() => medianInterval([])).toThrow(RangeError)
})
