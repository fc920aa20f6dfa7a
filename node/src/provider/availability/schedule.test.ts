import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { parseWindows, Schedule } from './schedule.ts'
import { WallClock } from './wall-clock.ts'

const MINUTE_MS = 60_000
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

const schedule = (text: string, timeZone = 'Europe/Berlin') =>
  new Schedule(parseWindows(text), new WallClock(timeZone))

/** The hours around which clocks are put, and a quiet week. */
const DST = [
  ['Europe/Berlin', '2026-03-28T12:00Z'],
  ['Europe/Berlin', '2026-10-24T12:00Z'],
  ['America/New_York', '2026-03-07T18:00Z'],
  ['America/New_York', '2026-10-31T18:00Z'],
  ['Europe/Berlin', '2026-07-01T00:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T00:00Z'],
  ['Asia/Kathmandu', '2026-07-01T00:00Z'],
] as const

/** Another way to the time on the wall: the offset that the zone's name tells, added to UTC. */
function wall(timeZone: string): (at: number) => { day: number; minute: number } {
  const format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
  return (at) => {
    const name = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? ''
    const [, sign = '+', hours = '0', minutes = '0'] =
      /GMT(?:([+-])(\d{2}):(\d{2}))?/u.exec(name) ?? []
    const offset = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
    const local = new Date(at + offset * MINUTE_MS)
    return {
      day: (local.getUTCDay() + 6) % 7,
      minute: local.getUTCHours() * 60 + local.getUTCMinutes(),
    }
  }
}

const time = (minute: number) =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`

describe('a schedule', () => {
  test('is what the clock on the wall shows, minute by minute, also when clocks are put', () => {
    const windows = fc.array(
      fc.record({ day: fc.nat(6), from: fc.nat(1_439), until: fc.integer({ min: 0, max: 1_440 }) }),
      { minLength: 1, maxLength: 4 },
    )
    const minutes = 36 * 60
    fc.assert(
      fc.property(fc.constantFrom(...DST), windows, fc.nat(59_999), ([zone, start], plan, ms) => {
        const text = plan.map((w) => `${DAYS[w.day]} ${time(w.from)}-${time(w.until)}`).join(', ')
        const subject = schedule(text, zone)
        const at = wall(zone)
        const begin = Date.parse(start)
        const expected: boolean[] = []
        for (let i = 0; i < minutes; i++) {
          const { day, minute } = at(begin + i * MINUTE_MS)
          expected.push(
            plan.some(({ day: on, from, until }) =>
              until > from
                ? day === on && minute >= from && minute < until
                : (day === on && minute >= from) || (day === (on + 1) % 7 && minute < until),
            ),
          )
        }
        const changes = expected.flatMap((open, i) =>
          i > 0 && open !== expected[i - 1] ? [i] : [],
        )
        for (let i = 0; i < minutes; i++) {
          assert.equal(subject.isOpen(begin + i * MINUTE_MS + ms), expected[i], `minute ${i}`)
        }
        for (const i of [0, 1, 700, ...changes, ...changes.map((change) => change - 1)]) {
          const next = changes.find((change) => change > i)
          if (next === undefined) continue
          const change = subject.nextChange(begin + i * MINUTE_MS + ms)
          assert.equal(change, begin + next * MINUTE_MS, `after minute ${i}: ${text}`)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('of nights goes on after midnight, and belongs to the day on which it begins', () => {
    const nights = schedule('mon-fri 20:00-07:00, sat-sun 00:00-24:00')
    const open = (iso: string) => nights.isOpen(Date.parse(iso))
    assert.equal(open('2026-06-01T20:00+02:00'), true, 'Monday evening')
    assert.equal(open('2026-06-02T06:59+02:00'), true)
    assert.equal(open('2026-06-02T07:00+02:00'), false)
    assert.equal(open('2026-06-01T06:00+02:00'), false, 'Monday morning belongs to Sunday')
    assert.equal(open('2026-06-06T06:00+02:00'), true, 'Saturday')
    assert.equal(
      nights.nextChange(Date.parse('2026-06-02T08:00+02:00')),
      Date.parse('2026-06-02T20:00+02:00'),
    )
  })

  test('waits another week for an hour that spring skips', () => {
    const skipped = schedule('sun 02:00-03:00')
    assert.equal(
      skipped.nextChange(Date.parse('2026-03-28T12:00Z')),
      Date.parse('2026-04-05T02:00+02:00'),
    )
  })

  test('that is always open never changes', () => {
    assert.equal(schedule('00:00-24:00').nextChange(Date.parse('2026-03-28T12:00Z')), undefined)
    assert.equal(schedule('0:00-0:00').isOpen(0), true)
  })

  test.each([
    ['', 'at least one window'],
    ['mon', 'not a span of hours'],
    ['mon-xyz 20:00-07:00', 'xyz is not one of'],
    ['20:00', 'not a span of hours'],
    ['20:60-21:00', 'not a span of hours'],
    ['24:00-07:00', 'not a span of hours'],
    ['25:00-07:00', 'not a span of hours'],
    ['mon tue 20:00-07:00', 'not a window'],
    ['20:00-21:00-22:00', 'not a span of hours'],
    [Array(30).fill('01:00-02:00').join(','), 'at most 168'],
  ])('“%s” is refused, saying why', (text, message) => {
    assert.throws(() => parseWindows(text), new RegExp(message, 'u'))
  })

  test('of another zone is refused when there is no such zone', () => {
    assert.throws(() => new WallClock('Europe/Atlantis'), RangeError)
  })
})
