/** A day of the calendar, months from 1. */
export interface CalendarDay {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** What clocks and calendars on a wall show. */
export interface LocalTime extends CalendarDay {
  /** From midnight. */
  readonly minutes: number
  /** 0 is Monday (ISO 8601). */
  readonly weekday: number
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** The farthest that clocks are from UTC is 14 hours; the nearest day begins within this of its midnight in UTC. */
const OFFSET_MS_MAX = 15 * 3_600_000

const formats = new Map<string, Intl.DateTimeFormat>()

/** @throws {RangeError} for a time zone that this machine does not know */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone)
  if (known !== undefined) return known
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  })
  formats.set(timeZone, made)
  return made
}

/** Whether it is a name such as `Europe/Berlin` that this machine has the rules of. */
export function isTimeZone(name: string): boolean {
  try {
    formatOf(name)
    return true
  } catch {
    return false
  }
}

/** @param at milliseconds since 1970 @throws {RangeError} for an unknown time zone */
export function localTime(at: number, timeZone: string): LocalTime {
  const parts = formatOf(timeZone).formatToParts(at)
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value ?? 0)
  const [year, month, day] = [part('year'), part('month'), part('day')]
  const minutes = part('hour') * 60 + part('minute')
  return { year, month, day, minutes, weekday: weekdayOf({ year, month, day }) }
}

/**
 * The first instant of a day, milliseconds since 1970. A day that clocks skip begins when the next one does, and where
 * midnight is skipped or comes twice it is the first instant that bears the date.
 */
export function startOfDay(day: CalendarDay, timeZone: string): number {
  const wanted = indexOf(day)
  const guess = wanted * DAY_MS
  // Between them the calendar turns to that day once; all offsets since 1972 are whole minutes.
  let before = (guess - OFFSET_MS_MAX) / MINUTE_MS
  let after = (guess + OFFSET_MS_MAX) / MINUTE_MS
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (indexOf(localTime(middle * MINUTE_MS, timeZone)) >= wanted) after = middle
    else before = middle
  }
  return after * MINUTE_MS
}

/** @param days may be negative */
export function plusDays(day: CalendarDay, days: number): CalendarDay {
  const date = new Date((indexOf(day) + days) * DAY_MS)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}

/** Days since 1970, as the calendar has them. */
function indexOf({ year, month, day }: CalendarDay): number {
  return Date.UTC(year, month - 1, day) / DAY_MS
}

/** 1970 began on a Thursday. */
function weekdayOf(day: CalendarDay): number {
  return (((indexOf(day) + 3) % 7) + 7) % 7
}
