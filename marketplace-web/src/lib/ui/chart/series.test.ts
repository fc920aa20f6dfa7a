import { expect, test } from 'vitest'
import { amountOf, type DayParts, seriesOf, totalOf } from './series.ts'

const day = (parts: Record<string, bigint>): DayParts => ({
  day: '2026-11-01',
  parts: new Map(Object.entries(parts)),
})

test('the largest parts have colours of their own, and the rest has one together', () => {
  const one = day({ a: 1n, b: 20n, c: 3n, d: 4n, e: 5n, f: 6n, g: 7n })
  const series = seriesOf([one], 'others')
  expect(series.map(({ name }) => name)).toEqual(['b', 'g', 'f', 'e', 'd', 'others'])
  expect(new Set(series.map(({ color }) => color)).size).toBe(6)
  const amounts = series.map((each) => amountOf(one, each, series))
  expect(amounts).toEqual([20n, 7n, 6n, 5n, 4n, 4n])
  expect(amounts.reduce((sum, amount) => sum + amount, 0n)).toBe(totalOf(one))
})

test('a few parts need no rest, and a day without one of them has nothing of it', () => {
  const days = [day({ a: 2n }), day({ b: 1n })]
  const series = seriesOf(days, 'others')
  expect(series.map(({ key }) => key)).toEqual(['a', 'b'])
  expect(series.map((each) => amountOf(day({ b: 1n }), each, series))).toEqual([0n, 1n])
})

test('what has no name is a part of its own, also beside the rest', () => {
  const one = day({ '': 9n, a: 8n, b: 7n, c: 6n, d: 5n, e: 2n, f: 1n })
  const series = seriesOf([one], 'others')
  expect(series.map(({ name }) => name)).toEqual(['', 'a', 'b', 'c', 'd', 'others'])
  expect(series.map((each) => amountOf(one, each, series))).toEqual([9n, 8n, 7n, 6n, 5n, 3n])
})
