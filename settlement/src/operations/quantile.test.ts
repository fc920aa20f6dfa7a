import fc from 'fast-check'
import { expect, test } from 'vitest'
import { quantile } from './quantile.ts'

const BOUNDS = [0.01, 0.1, 1, 10]

test('half of a bucket lies in its middle, and of nothing there is no quantile', () => {
  expect(quantile(0.5, [0, 10, 0, 0, 0], BOUNDS)).toBeCloseTo(0.055, 10)
  expect(quantile(0.95, [95, 0, 5, 0, 0], BOUNDS)).toBeCloseTo(0.01, 10)
  expect(quantile(0.96, [95, 0, 5, 0, 0], BOUNDS)).toBeCloseTo(0.28, 10)
  expect(quantile(0.5, [0, 0, 0, 0, 0], BOUNDS)).toBeNull()
  expect(quantile(0.5, [0, 0, 0, 0, 3], BOUNDS)).toBe(10)
})

test('it is within the bucket that holds it, and a larger share is never less', () => {
  const counts = fc.array(fc.nat({ max: 1_000 }), { minLength: 5, maxLength: 5 })
  const share = fc.double({ min: 0.001, max: 1, noNaN: true })
  fc.assert(
    fc.property(counts, share, share, (each, a, b) => {
      const all = each.reduce((sum, one) => sum + one, 0)
      const [low, high] = [Math.min(a, b), Math.max(a, b)].map((one) => quantile(one, each, BOUNDS))
      if (all === 0) return expect(low).toBeNull()
      expect(low).toBeLessThanOrEqual((high ?? Number.NaN) + 1e-9)
      const below = BOUNDS.reduce(
        (sum, bound, index) => sum + (bound < (low ?? 0) - 1e-9 ? (each[index] ?? 0) : 0),
        0,
      )
      expect(below).toBeLessThanOrEqual(Math.min(a, b) * all + 1e-6)
    }),
  )
})
