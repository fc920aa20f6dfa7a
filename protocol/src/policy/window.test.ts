import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isTimeZone, localTime } from './local-time.ts'
import { type BudgetWindow, spanAt, spanBefore } from './window.ts'

const HOUR_MS = 3_600_000
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Africa/Cairo',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Pacific/Apia',
]
const hoursOf = (window: BudgetWindow, zone: string, at: string) => {
  const { from, to } = spanAt(window, zone, Date.parse(at))
  return (to - from) / HOUR_MS
}
const iso = (at: number) => new Date(at).toISOString()

describe('the window of a budget', () => {
  test('is a day of the wall clock, with 23 hours in spring and 25 in autumn', () => {
    expect(hoursOf({ kind: 'day' }, 'Europe/Berlin', '2026-03-29T12:00:00Z')).toBe(23)
    expect(hoursOf({ kind: 'day' }, 'Europe/Berlin', '2026-10-25T12:00:00Z')).toBe(25)
    expect(hoursOf({ kind: 'day' }, 'Australia/Lord_Howe', '2026-04-04T20:00:00Z')).toBe(24.5)
    expect(hoursOf({ kind: 'week' }, 'Europe/Berlin', '2026-03-29T12:00:00Z')).toBe(167)
  })

  test('begins where the place says, not UTC', () => {
    const at = Date.parse('2026-10-31T23:30:00Z')
    const { from, to } = spanAt({ kind: 'month' }, 'Europe/Berlin', at)
    expect([iso(from), iso(to)]).toEqual(['2026-10-31T23:00:00.000Z', '2026-11-30T23:00:00.000Z'])
    const utc = spanAt({ kind: 'month' }, 'UTC', at)
    expect(iso(utc.to)).toBe('2026-11-01T00:00:00.000Z')
  })

  test('begins with the first instant of its day where clocks skip midnight', () => {
    // In Cairo, 2026-04-24 begins at one o'clock.
    const { from } = spanAt({ kind: 'day' }, 'Africa/Cairo', Date.parse('2026-04-24T12:00:00Z'))
    expect(localTime(from, 'Africa/Cairo')).toMatchObject({ day: 24, minutes: 60 })
    expect(localTime(from - 1, 'Africa/Cairo')).toMatchObject({ day: 23, minutes: 23 * 60 + 59 })
  })

  test('rolls over whole days, today included', () => {
    const at = Date.parse('2026-11-21T10:00:00Z')
    const { from, to } = spanAt({ kind: 'rolling', days: 7 }, 'UTC', at)
    expect([iso(from), iso(to)]).toEqual(['2026-11-15T00:00:00.000Z', '2026-11-22T00:00:00.000Z'])
  })

  test('holds the time that it is asked for, and meets the next and the one before without a gap', () => {
    const from = Date.parse('2005-01-01')
    const at = fc.integer({ min: from, max: Date.parse('2037-01-01') })
    const kind = fc.constantFrom('day' as const, 'week' as const, 'month' as const)
    fc.assert(
      fc.property(at, fc.constantFrom(...ZONES), kind, (time, zone, unit) => {
        const window = { kind: unit }
        const span = spanAt(window, zone, time)
        expect(span.from <= time && time < span.to).toBe(true)
        expect(spanAt(window, zone, span.to).from).toBe(span.to)
        expect(spanBefore(window, zone, span)?.to).toBe(span.from)
        expect(spanAt(window, zone, span.to - 1)).toEqual(span)
      }),
      { numRuns: 150 },
    )
  })

  test('a time zone is one that this machine knows', () => {
    expect(['Europe/Berlin', 'UTC', 'Mars/Olympus', ''].map(isTimeZone)).toEqual([
      true,
      true,
      false,
      false,
    ])
  })
})
