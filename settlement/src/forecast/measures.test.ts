import { expect, test } from 'vitest'
import { coverageOf, errorsOf } from './measures.ts'

/** Two weeks at 10 with every second week at 12, then a week of which 20 of 70 were missed. */
const VALUES = [...Array.from({ length: 7 }, () => 10), ...Array.from({ length: 7 }, () => 12)]
const ACTUAL = [10, 10, 10, 10, 10, 10, 10]

test('errors are those of the textbook', () => {
  const points = [15, 10, 10, 10, 10, 10, 5]
  expect(errorsOf([{ origin: 14, points, actual: ACTUAL }], VALUES)).toEqual({
    // Two of seven days off by a half.
    mape: 14.29,
    wape: 14.29,
    // One too much, one too little.
    weekError: 0,
    // 10/7 a day, against the 2 by which the second week differs from the first.
    mase: 0.71,
  })
})

test('a day of nothing has no percentage, and what never changes no scale', () => {
  const actual = [0, 10, 10, 10, 10, 10, 10]
  const constant = Array.from({ length: 14 }, () => 10)
  expect(errorsOf([{ origin: 14, points: ACTUAL, actual }], constant)).toEqual({
    mape: null,
    wape: 16.67,
    weekError: 16.67,
    mase: null,
  })
})

test('a day on the edge of its interval lies within it', () => {
  const intervals = ACTUAL.map((_, i) => ({ lower: i < 2 ? 11 : 10, upper: 12 }))
  expect(coverageOf([{ intervals, actual: ACTUAL }])).toBe(71.43)
})
