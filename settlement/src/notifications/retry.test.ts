import fc from 'fast-check'
import { expect, test } from 'vitest'
import { outcomeOf } from './deliver.ts'
import { RETRY_DELAYS_MS, retryDelayMs, TRIES_MAX } from './retry.ts'

const HOUR_MS = 3_600_000
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('waits grow within a fifth of the schedule, and end after the last try', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), chance, (attempt, random) => {
      const delay = retryDelayMs(attempt, random)
      const planned = RETRY_DELAYS_MS[attempt - 1]
      expect(planned === undefined).toBe(attempt >= TRIES_MAX)
      if (planned === undefined || delay === undefined) expect(delay).toBe(planned)
      else expect(Math.abs(delay - planned)).toBeLessThanOrEqual(planned * 0.2)
    }),
  )
})

test('a message is tried for more than a day and for less than two', () => {
  fc.assert(
    fc.property(fc.array(chance, { minLength: TRIES_MAX, maxLength: TRIES_MAX }), (chances) => {
      const all = chances.map((random, i) => retryDelayMs(i + 1, random) ?? 0)
      const sum = all.reduce((a, b) => a + b, 0)
      expect(sum).toBeGreaterThan(22 * HOUR_MS)
      expect(sum).toBeLessThan(48 * HOUR_MS)
    }),
  )
})

test('a receiver may ask for more time, not for less, and not for ever', () => {
  expect(retryDelayMs(1, 0.5, 60_000)).toBe(60_000)
  expect(retryDelayMs(4, 0.5, 1_000)).toBe(RETRY_DELAYS_MS[3])
  expect(retryDelayMs(1, 0.5, 1_000 * HOUR_MS)).toBe(12 * HOUR_MS)
})

test('what can never succeed is given up at once', () => {
  const failed = { kind: 'failed', failure: 'no', status: null } as const
  expect(outcomeOf({ ...failed, again: 'later' }, 1, 0.5, 10)).toMatchObject({
    state: 'waiting',
    dueAt: 10 + 5_000,
  })
  expect(outcomeOf({ ...failed, again: 'never' }, 1, 0.5, 10)).toMatchObject({ state: 'dead' })
  expect(outcomeOf({ ...failed, again: 'gone' }, 1, 0.5, 10)).toMatchObject({
    state: 'dead',
    isGone: true,
  })
})
