import { describe, expect, test } from 'vitest'
import { explain } from './explain-anomaly.ts'
import { findUnusual } from './find-anomaly.ts'
import { detection } from './testing/detection.ts'
import { madeSeries } from './testing/made-series.ts'

const LEAST = 0.1
const steady = madeSeries({ days: 71, noise: 0.06 }, 5)
const withLast = (factor: number) => [...steady.slice(0, -1), (steady.at(-1) ?? 0) * factor]

test('a day like the others is nothing, twice as much or a third of it is', () => {
  expect(findUnusual(steady, LEAST)).toBeUndefined()
  expect(findUnusual(withLast(2), LEAST)).toMatchObject({ direction: 'up' })
  expect(findUnusual(withLast(0.3), LEAST)).toMatchObject({ direction: 'down' })
})

test('less than the least change is nothing, however rare', () => {
  const cents = withLast(2).map((value) => value / 1e6)
  expect(findUnusual(cents, LEAST)).toBeUndefined()
})

test('before there are four weeks, nothing is unusual', () => {
  expect(findUnusual(withLast(5).slice(-28), LEAST)).toBeUndefined()
})

test('the first spend after eight weeks of nothing is unusual', () => {
  const silent = Array.from({ length: 60 }, () => 0)
  expect(findUnusual([...silent, 0], LEAST)).toBeUndefined()
  expect(findUnusual([...silent, 50], LEAST)).toMatchObject({ direction: 'up', expected: 0 })
})

test('planted days are found and few others', () => {
  const { recall, falseAlarms } = detection({ days: 160, noise: 0.06 }, 2, 1)
  expect(recall).toBeGreaterThanOrEqual(0.9)
  expect(falseAlarms).toBeLessThanOrEqual(1)
})

describe('an explanation', () => {
  const hours = {
    usual: Array.from({ length: 24 }, () => 4),
    actual: Array.from({ length: 24 }, (_, hour) => (hour < 14 ? 4 : 8)),
  }
  const change = { direction: 'up' as const, expected: 96, actual: 136 }

  test('names who did most of it and since when', () => {
    const contributions = [
      { dimension: 'model' as const, key: 'small', expected: 46, actual: 48 },
      { dimension: 'model' as const, key: 'large', expected: 50, actual: 88 },
    ]
    expect(explain(change, contributions, hours)).toEqual({
      summary:
        '+42 % (136.00 instead of 96.00 EUR): model large (+38.00 of +40.00); since 14:00 UTC',
      percent: 42,
      startedHour: 14,
      contributions: [
        {
          dimension: 'model',
          key: 'large',
          expected: '50.000000',
          actual: '88.000000',
          change: '38.000000',
        },
      ],
    })
  })

  test('of what fell names those that fell', () => {
    const contributions = [
      { dimension: 'model' as const, key: 'large', expected: 90, actual: 10 },
      { dimension: 'model' as const, key: 'small', expected: 6, actual: 40 },
    ]
    const fallen = { direction: 'down' as const, expected: 96, actual: 50 }
    const { summary, contributions: named } = explain(fallen, contributions, {
      usual: [],
      actual: [],
    })
    expect(named.map(({ key }) => key)).toEqual(['large'])
    expect(summary).toBe('-48 % (50.00 instead of 96.00 EUR): model large (-80.00 of -46.00)')
  })

  test('of what was never there has no percentage', () => {
    const { percent, summary } = explain({ ...change, expected: 0 }, [], hours)
    expect(percent).toBeNull()
    expect(summary).toContain('new spend')
  })
})
