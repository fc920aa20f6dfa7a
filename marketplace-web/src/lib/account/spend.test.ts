import { expect, test } from 'vitest'
import { byDay, byPart, dayAfter, lastDays, type SpendRow, sumOf } from './spend.ts'

const row = (day: string, part: string, amount: bigint): SpendRow => ({
  day,
  part,
  amount,
  sessions: 1n,
  inputTokens: 2n,
  outputTokens: 3n,
  fee: amount / 4n,
})

test('the last days end today in UTC, over the end of a month', () => {
  expect(lastDays(3, Date.UTC(2026, 10, 1, 23, 59))).toEqual([
    '2026-10-30',
    '2026-10-31',
    '2026-11-01',
  ])
  expect(dayAfter('2026-12-31')).toBe('2027-01-01')
})

test('days without spend are there, and no amount is lost', () => {
  const days = ['2026-11-01', '2026-11-02', '2026-11-03']
  const rows = [
    row(days[0] ?? '', 'a', 8n),
    row(days[0] ?? '', 'b', 4n),
    row(days[2] ?? '', 'b', 40n),
  ]
  const found = byDay(days, rows)
  expect(found.map(({ parts }) => [...parts])).toEqual([
    [
      ['a', 8n],
      ['b', 4n],
    ],
    [],
    [['b', 40n]],
  ])
  expect(byPart(rows)).toMatchObject([
    { part: 'b', amount: 44n, sessions: 2n },
    { part: 'a', amount: 8n, sessions: 1n },
  ])
  expect(sumOf(rows, 'amount')).toBe(52n)
})
