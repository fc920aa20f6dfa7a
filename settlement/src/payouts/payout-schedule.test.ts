import { expect, test } from 'vitest'
import { nextPayoutRun, PAYOUT_RUN_CRON } from './payout-schedule.ts'

test('the next run is at half past three, UTC', () => {
  const next = (text: string) => new Date(nextPayoutRun(Date.parse(text))).toISOString()
  expect(next('2026-11-21T00:00:00Z')).toBe('2026-11-21T03:30:00.000Z')
  expect(next('2026-11-21T03:29:59.999Z')).toBe('2026-11-21T03:30:00.000Z')
  expect(next('2026-11-21T03:30:00Z')).toBe('2026-11-22T03:30:00.000Z')
  expect(next('2026-12-31T23:00:00Z')).toBe('2027-01-01T03:30:00.000Z')
  expect(PAYOUT_RUN_CRON).toBe('30 3 * * *')
})
