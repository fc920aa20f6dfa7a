import { expect, test } from 'vitest'
import { periodOf, periodsDue, SETTLE_MS } from './period.ts'

const at = (text: string) => Date.parse(text)
const days = ({ from, to }: { from: number; to: number }) =>
  [from, to].map((time) => new Date(time).toISOString().slice(0, 10))

test.each([
  ['day', '2026-11-02T23:59:59.999Z', '2026-11-02', '2026-11-03'],
  ['week', '2026-11-01T12:00:00Z', '2026-10-26', '2026-11-02'],
  ['week', '2026-11-02T00:00:00Z', '2026-11-02', '2026-11-09'],
  ['month', '2026-12-31T23:00:00Z', '2026-12-01', '2027-01-01'],
  ['month', '2028-02-29T00:00:00Z', '2028-02-01', '2028-03-01'],
] as const)('the %s of %s is from %s to %s', (every, time, from, to) => {
  expect(days(periodOf(every, at(time)))).toEqual([from, to])
})

test('a period is due some hours after its end, those that were missed come one after the other', () => {
  const from = at('2026-11-02T00:00:00Z')
  const end = at('2026-11-03T00:00:00Z') + SETTLE_MS
  expect(periodsDue('day', from, end - 1, 31)).toEqual([])
  expect(periodsDue('day', from, end, 31).map(days)).toEqual([['2026-11-02', '2026-11-03']])
  const late = periodsDue('day', from, at('2026-12-31T12:00:00Z'), 31)
  expect(late).toHaveLength(31)
  for (const [i, { to }] of late.slice(0, -1).entries()) expect(late[i + 1]?.from).toBe(to)
  expect(periodsDue('month', from, at('2027-01-01T06:00:00Z'), 31).map(days)).toEqual([
    ['2026-11-01', '2026-12-01'],
    ['2026-12-01', '2027-01-01'],
  ])
})
