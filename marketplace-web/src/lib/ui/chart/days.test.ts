import { expect, test } from 'vitest'
import { dayOf, named, startOf } from './days.ts'

const month = Array.from({ length: 30 }, (_, at) => `2026-11-${String(at + 1).padStart(2, '0')}`)

test('a week names each of its days, a month seven at most, evenly and away from the edges', () => {
  expect(named(month.slice(0, 7))).toEqual(month.slice(0, 7))
  const some = named(month)
  expect(some.map((day) => Number(day.slice(-2)))).toEqual([3, 8, 13, 18, 23, 28])
  expect(named([])).toEqual([])
})

test('a day is the same day again, also where the clocks are changed', () => {
  for (const day of ['2026-03-29', '2026-10-25', '2026-12-31'])
    expect(dayOf(startOf(day))).toBe(day)
})
