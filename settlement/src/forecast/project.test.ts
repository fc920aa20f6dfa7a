import { expect, test } from 'vitest'
import { rest, total, whenExceeded } from './project.ts'

const day = (value: number, room: number) => ({ value, lower: value - room, upper: value + room })

test('the interval of a sum is narrower than the sum of the intervals, and wider than of what is independent', () => {
  const week = Array.from({ length: 7 }, () => day(10, 4))
  const { value, lower, upper } = total(week)
  expect(value).toBe(70)
  expect(upper - value).toBeLessThan(7 * 4)
  expect(upper - value).toBeGreaterThan(Math.sqrt(7) * 4)
  expect(value - lower).toBeCloseTo(upper - value)
})

test('of today only what is to come counts, and never less than nothing', () => {
  expect(rest(day(10, 4), 8)).toEqual({ value: 2, lower: 0, upper: 6 })
  expect(rest(day(10, 4), 99)).toEqual({ value: 0, lower: 0, upper: 0 })
})

test('a limit is passed on the day on which the sum goes beyond it, in dear days sooner', () => {
  const series = Array.from({ length: 10 }, () => day(10, 5))
  expect(whenExceeded(series, 20, 65, 10)).toEqual({ likely: 4, earliest: 3 })
  // As much as the limit is not more than it.
  expect(whenExceeded(series, 20, 50, 10).likely).toBe(3)
  expect(whenExceeded(series, 20, 65, 3)).toEqual({ likely: null, earliest: null })
  expect(whenExceeded(series, 66, 65, 10)).toEqual({ likely: 0, earliest: 0 })
})
