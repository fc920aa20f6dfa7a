import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SEVERITIES } from './event.ts'
import { PACES } from './subscription.ts'
import { ALL } from './testing/channels.ts'
import { isQuiet, whenDue } from './when-due.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const NIGHT = { from: 22 * 60, until: 7 * 60 }
const berlin = { ...ALL, timeZone: 'Europe/Berlin', quiet: NIGHT }
const at = Date.parse

test('by day an event is told at once; by night it comes with the others in the morning', () => {
  const day = at('2026-11-02T12:00:00Z')
  expect(whenDue(berlin, 'warning', day)).toEqual({ at: day, digest: false })
  const night = at('2026-11-02T23:00:00Z')
  const morning = at('2026-11-03T06:00:00Z')
  expect(whenDue(berlin, 'warning', night)).toEqual({ at: morning, digest: true })
  expect(whenDue(berlin, 'urgent', night)).toEqual({ at: night, digest: false })
  const deaf = { ...berlin, urgentOverrides: false }
  expect(whenDue(deaf, 'urgent', night)).toEqual({ at: morning, digest: true })
})

test('the morning comes by the clock on the wall, also after a night that was longer or shorter', () => {
  const spring = at('2026-03-28T22:00:00Z')
  expect(whenDue(berlin, 'info', spring).at).toBe(at('2026-03-29T05:00:00Z'))
  const autumn = at('2026-10-24T21:00:00Z')
  expect(whenDue(berlin, 'info', autumn).at).toBe(at('2026-10-25T06:00:00Z'))
})

test('a digest that is due by night waits, too', () => {
  const hourly = { ...berlin, pace: 'hourly' as const }
  const evening = at('2026-11-02T20:30:00Z')
  expect(whenDue(hourly, 'info', evening).at).toBe(at('2026-11-03T06:00:00Z'))
  const daily = { ...berlin, pace: 'daily' as const, dailyAt: 540 }
  expect(whenDue(daily, 'info', evening).at).toBe(at('2026-11-03T08:00:00Z'))
})

test('nothing that is held back is sent in quiet hours, or later than two days, in any zone', () => {
  const minute = fc.integer({ min: 0, max: 1_439 })
  fc.assert(
    fc.property(
      fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2034, 0) }),
      fc.record({
        pace: fc.constantFrom(...PACES),
        timeZone: fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'),
        dailyAt: minute,
        quiet: fc.record({ from: minute, until: minute }),
        urgentOverrides: fc.boolean(),
      }),
      fc.constantFrom(...SEVERITIES),
      (now, hours, severity) => {
        const due = whenDue(hours, severity, now)
        const breaksThrough = severity === 'urgent' && hours.urgentOverrides
        expect(due.at).toBeGreaterThanOrEqual(now)
        expect(due.at - now).toBeLessThanOrEqual(2 * DAY_MS + 2 * HOUR_MS)
        expect(due.digest).toBe(due.at > now)
        if (breaksThrough) expect(due.at).toBe(now)
        else expect(isQuiet(hours, due.at)).toBe(false)
      },
    ),
    { numRuns: 300 },
  )
})
