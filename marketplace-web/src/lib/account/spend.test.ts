import { expect, test } from 'vitest'
import { byDay, byPart, dayAfter, lastDays, rowsOfTold, type SpendRow, sumOf } from './spend.ts'

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

test('teams are the tags that say so, and what has none is the rest of each day', () => {
  const [first, second] = ['2026-11-01', '2026-11-02'] as const
  const tags = [
    row(first, 'team:web', 8n),
    row(first, 'feature:chat', 8n),
    row(first, 'teams', 4n),
    row(first, '', 4n),
    row(second, 'team:web', 12n),
  ]
  const all = [row(first, 'a', 8n), row(first, 'b', 4n), row(second, 'a', 12n)]
  const found = rowsOfTold('team', tags, all)
  expect(found.map(({ day, part, amount }) => [day, part, amount])).toEqual([
    [first, 'web', 8n],
    [second, 'web', 12n],
    [first, '', 4n],
  ])
  expect(sumOf(found, 'amount')).toBe(sumOf(all, 'amount'))
})

test('a session of two teams counts under both, and leaves no rest below nothing', () => {
  const day = '2026-11-01'
  const found = rowsOfTold(
    'team',
    [row(day, 'team:a', 5n), row(day, 'team:b', 5n)],
    [row(day, 'm', 5n)],
  )
  expect(found.map(({ part }) => part)).toEqual(['a', 'b'])
})
