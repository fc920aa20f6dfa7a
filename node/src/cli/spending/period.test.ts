import { expect, test } from 'vitest'
import { periodFrom } from './period.ts'

/** 2026-01-02T23:30:00Z */
const NOW = Date.parse('2026-01-02T23:30:00Z')

test.each([
  ['today', '2026-01-02', '2026-01-03'],
  ['yesterday', '2026-01-01', '2026-01-02'],
  ['month', '2026-01-01', '2026-01-03'],
  ['last-month', '2025-12-01', '2026-01-01'],
  ['7d', '2025-12-27', '2026-01-03'],
  ['2024-02', '2024-02-01', '2024-03-01'],
])('the period %s is from %s to %s', (period, from, to) => {
  expect(periodFrom({ period }, NOW)).toEqual({ from, to })
})

test('days that are given count instead, up to tomorrow', () => {
  const from = '2025-12-31'
  expect(periodFrom({ period: 'month', from }, NOW)).toEqual({ from, to: '2026-01-03' })
  expect(periodFrom({ from, to: '2026-01-01' }, NOW)).toEqual({ from, to: '2026-01-01' })
})

test.each([
  [{ from: '2025-02-29' }],
  [{ from: '2026-01-05', to: '2026-01-01' }],
  [{ to: '2026-01-01' }],
  [{ from: '2020-01-01', to: '2026-01-01' }],
])('%j is no period', (flags) => {
  expect(() => periodFrom(flags, NOW)).toThrow('days such as')
})
