import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isTimeZone, nextWallMinute, wallMinute } from './local-time.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Africa/Casablanca',
  'America/St_Johns',
  'Pacific/Chatham',
]
const minuteOf = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))
const next = (at: string, wall: string, zone = 'Europe/Berlin') =>
  new Date(nextWallMinute(Date.parse(at), minuteOf(wall), zone)).toISOString()

test.each([
  ['the same day', '2026-11-02T06:00:00Z', '09:00', '2026-11-02T08:00:00.000Z'],
  ['the next day', '2026-11-02T08:00:00Z', '09:00', '2026-11-03T08:00:00.000Z'],
  ['over the night that is 23 hours', '2026-03-28T20:00:00Z', '09:00', '2026-03-29T07:00:00.000Z'],
  ['over the night that is 25 hours', '2026-10-24T19:00:00Z', '09:00', '2026-10-25T08:00:00.000Z'],
  ['skipped: when the clock jumps', '2026-03-28T23:00:00Z', '02:30', '2026-03-29T01:00:00.000Z'],
  ['twice: the first of them', '2026-10-24T22:00:00Z', '02:30', '2026-10-25T00:30:00.000Z'],
  ['twice: then the second', '2026-10-25T00:30:00Z', '02:30', '2026-10-25T01:30:00.000Z'],
  ['at the jump itself', '2026-03-28T23:00:00Z', '03:00', '2026-03-29T01:00:00.000Z'],
])('nine o’clock by the wall: %s', (_name, at, wall, expected) => {
  expect(next(at, wall)).toBe(expected)
})

test('half an hour of daylight saving is known, too', () => {
  expect(next('2026-10-03T12:00:00Z', '02:15', 'Australia/Lord_Howe')).toBe(
    '2026-10-03T15:30:00.000Z',
  )
})

test('in any zone, in any minute of ten years, the next such minute is the first one, and is passed or shown', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: Date.UTC(2024, 0) / MINUTE_MS, max: Date.UTC(2034, 0) / MINUTE_MS }),
      fc.integer({ min: 0, max: 1_439 }),
      fc.constantFrom(...ZONES),
      (minutes, wall, zone) => {
        const at = minutes * MINUTE_MS
        const found = nextWallMinute(at, wall, zone)
        expect(found).toBeGreaterThan(at)
        expect(found - at).toBeLessThanOrEqual(DAY_MS + 60 * MINUTE_MS)
        const shown = wallMinute(found, zone)
        const before = wallMinute(found - MINUTE_MS, zone)
        // Shown, or skipped by a clock that was put forward at this very minute.
        expect(shown === wall || (before < wall && wall < shown)).toBe(true)
        for (let i = 0; i < 12; i++) {
          const between = at + Math.floor(((found - at) * i) / 12 / MINUTE_MS) * MINUTE_MS
          if (between > at) expect(wallMinute(between, zone)).not.toBe(wall)
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('what is no time zone is told from what is', () => {
  expect(isTimeZone('Europe/Berlin')).toBe(true)
  expect(isTimeZone('Europe/Atlantis')).toBe(false)
})
