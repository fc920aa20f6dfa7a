import type { Locale } from './locale.ts'

/** For the visitor: their own clock. The exact time in UTC goes beside it. */
export function localTime(at: number, locale: Locale): string {
  return new Date(at).toLocaleTimeString(locale, { hour12: false })
}

/** Day and time on the visitor's clock: "21 Nov 2026, 05:39". */
export function localDateTime(at: number, locale: Locale): string {
  return formatOf(dateTimes, locale, { dateStyle: 'medium', timeStyle: 'short' }).format(at)
}

/** Day on the visitor's clock: "21 Nov 2026". */
export function localDate(at: number, locale: Locale): string {
  return formatOf(dates, locale, { dateStyle: 'medium' }).format(at)
}

/** A day of a report, which is one of UTC: "2026-11-21" as "21 Nov", or with its year. */
export function utcDay(day: string, locale: Locale, withYear = false): string {
  const year = withYear ? { year: 'numeric' as const } : {}
  const options = { day: 'numeric', month: 'short', timeZone: 'UTC', ...year } as const
  return formatOf(withYear ? fullDays : days, locale, options).format(Date.parse(day))
}

/** A month of a report, which is one of UTC: "2026-11" as "November 2026". */
export const monthName = (month: string, locale: Locale): string =>
  formatOf(months, locale, { month: 'long', year: 'numeric', timeZone: 'UTC' }).format(
    Date.parse(`${month}-01`),
  )

/** To make a format takes a hundred times as long as to use it. */
type Formats = Map<Locale, Intl.DateTimeFormat>
const dateTimes: Formats = new Map()
const dates: Formats = new Map()
const days: Formats = new Map()
const fullDays: Formats = new Map()
const months: Formats = new Map()

function formatOf(known: Formats, locale: Locale, options: Intl.DateTimeFormatOptions) {
  // British English: the day before the month, as in the rest of Europe.
  const made =
    known.get(locale) ?? new Intl.DateTimeFormat(locale === 'en' ? 'en-GB' : locale, options)
  known.set(locale, made)
  return made
}

/** "2026-11-21 04:39:17 UTC" */
export function utcTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** How long ago, as short as a table column: "3 s", "12 min", "5 h", "2 d". Never negative. */
export function age(at: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - at) / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}
