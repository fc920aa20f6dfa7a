import { expect, test } from 'vitest'
import { NO_PACES, type Paces } from './pace.ts'
import { publicLevel, publicPeriod } from './public-levels.ts'

const month = (good: bigint, failed: bigint, paces: Paces = NO_PACES) =>
  publicLevel({ key: '2026-11', good, failed, ended: 9n, cut: 9n, paces })
const paced = (count: bigint) => NO_PACES.map((_none, place) => (place === 4 ? count : 0n))

test('a month with twenty sessions has a share, one with fewer has none', () => {
  expect(month(18n, 2n)).toMatchObject({ sessionsAtLeast: 20n, availabilityBps: 9_000 })
  expect(month(19n, 0n)).toMatchObject({ sessionsAtLeast: 0n, availabilityBps: null })
})

test('how many sessions there were is told in steps alone', () => {
  const told = [20n, 49n, 50n, 99n, 100n, 199n, 200n, 999n, 1_000n, 4_999n, 5_000n, 123_456n]
  expect(told.map((sessions) => month(sessions, 0n).sessionsAtLeast)).toEqual([
    20n,
    20n,
    50n,
    50n,
    100n,
    100n,
    200n,
    500n,
    1_000n,
    2_000n,
    5_000n,
    100_000n,
  ])
})

test('a pace is told of twenty timed answers, and not of nineteen', () => {
  expect(month(100n, 0n, paced(20n))).toMatchObject({ msPerTokenP50: 20, msPerTokenP95: 20 })
  expect(month(100n, 0n, paced(19n))).toMatchObject({ msPerTokenP50: null, msPerTokenP95: null })
})

test('a year of months ends at midnight, so that nobody sees a single session arrive', () => {
  const at = (text: string) => Date.parse(text)
  expect(publicPeriod(at('2026-11-22T09:13:00Z'))).toEqual({
    from: at('2025-12-01T00:00:00Z'),
    to: at('2026-11-22T00:00:00Z'),
  })
})
