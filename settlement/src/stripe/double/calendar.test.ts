import assert from 'node:assert/strict'
import { test } from 'vitest'
import { businessDaysAfterMs, monthsAfter, nextDayMs, periodEndAfter } from './calendar.ts'

const seconds = (iso: string) => Date.parse(iso) / 1_000

test('a month ends on the anchor’s day, or on the last day there is, and comes back to the anchor', () => {
  const anchor = seconds('2026-01-31T10:00:00Z')
  assert.equal(monthsAfter(anchor, 1), seconds('2026-02-28T10:00:00Z'))
  assert.equal(monthsAfter(anchor, 2), seconds('2026-03-31T10:00:00Z'))
  assert.equal(monthsAfter(anchor, 12), seconds('2027-01-31T10:00:00Z'))
  assert.equal(monthsAfter(seconds('2028-02-29T00:00:00Z'), 12), seconds('2029-02-28T00:00:00Z'))
  assert.equal(
    periodEndAfter(anchor, 1, seconds('2026-02-28T10:00:00Z')),
    seconds('2026-03-31T10:00:00Z'),
  )
})

test('business days leave out the weekend', () => {
  const friday = Date.parse('2026-11-06T12:00:00Z')
  assert.equal(businessDaysAfterMs(friday, 1), Date.parse('2026-11-09T12:00:00Z'))
  assert.equal(businessDaysAfterMs(friday, 5), Date.parse('2026-11-13T12:00:00Z'))
  assert.equal(nextDayMs(friday), Date.parse('2026-11-07T00:00:00Z'))
  assert.equal(nextDayMs(nextDayMs(friday)), Date.parse('2026-11-08T00:00:00Z'))
})
