import { expect, test } from 'vitest'
import { estimate, gini, mean, quantile } from './statistics.ts'

test('an estimate is the mean and the half-width of Student’s 95 % interval', () => {
  // Of 1, 2, 3, 4: deviation 1.291, t of three degrees of freedom 3.182.
  const { mean: middle, off } = estimate([1, 2, 3, 4])
  expect(middle).toBe(2.5)
  expect(off).toBeCloseTo(2.054, 3)
})

test('one observation tells nothing of how far it may be off', () => {
  expect(estimate([7])).toEqual({ mean: 7, off: Number.POSITIVE_INFINITY })
})

test('the Gini coefficient is 0 of equals, and near 1 where one has all', () => {
  expect(gini([3, 3, 3])).toBeCloseTo(0)
  expect(gini([0, 0, 0, 12])).toBeCloseTo(0.75)
  expect(gini([1, 3])).toBeCloseTo(0.25)
  expect(gini([-5, 0])).toBe(0)
})

test('means and quantiles of nothing are 0', () => {
  expect(mean([])).toBe(0)
  expect(quantile([], 0.5)).toBe(0)
  expect(quantile([3, 1, 2], 0.5)).toBe(2)
})
