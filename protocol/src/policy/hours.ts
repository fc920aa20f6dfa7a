import { type LocalTime, localTime } from './local-time.ts'

const DAYS: readonly string[] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const HOURS =
  /^(?:(?<first>mon|tue|wed|thu|fri|sat|sun)(?:-(?<last>mon|tue|wed|thu|fri|sat|sun))?\s+)?(?<from>[0-2]\d:[0-5]\d)-(?<to>[0-2]\d:[0-5]\d)$/u
const DAY_MINUTES = 24 * 60

/** Hours of the week. */
export interface Hours {
  /** 0 is Monday. */
  readonly weekdays: readonly number[]
  /** Minutes from midnight; hours that end before they begin go on into the next day. */
  readonly from: number
  readonly to: number
}

/** Reads `mon-fri 08:00-18:00`, `sat 10:00-12:00` or `22:00-06:00`; `undefined` for anything else. */
export function parseHours(text: string): Hours | undefined {
  const { first, last, from = '', to = '' } = HOURS.exec(text.toLowerCase())?.groups ?? {}
  const [begins, ends] = [minutesOf(from), minutesOf(to)]
  if (begins === undefined || ends === undefined || begins === ends) return undefined
  if (begins === DAY_MINUTES) return undefined
  return { weekdays: weekdaysOf(first, last), from: begins, to: ends }
}

/** Whether a time lies in any of these hours. */
export function isWithinHours(texts: readonly string[], at: number, timeZone: string): boolean {
  const local = localTime(at, timeZone)
  return texts.some((text) => {
    const hours = parseHours(text)
    return hours !== undefined && isWithin(hours, local)
  })
}

function isWithin({ weekdays, from, to }: Hours, { minutes, weekday }: LocalTime): boolean {
  if (from < to) return weekdays.includes(weekday) && minutes >= from && minutes < to
  const yesterday = (weekday + 6) % 7
  return (
    (weekdays.includes(weekday) && minutes >= from) ||
    (weekdays.includes(yesterday) && minutes < to)
  )
}

function minutesOf(clock: string): number | undefined {
  const [hours, minutes] = clock.split(':').map(Number)
  if (hours === undefined || minutes === undefined) return undefined
  const all = hours * 60 + minutes
  return all <= DAY_MINUTES ? all : undefined
}

function weekdaysOf(first: string | undefined, last: string | undefined): number[] {
  if (first === undefined) return DAYS.map((_, day) => day)
  const begin = DAYS.indexOf(first)
  const end = last === undefined ? begin : DAYS.indexOf(last)
  const count = ((end - begin + 7) % 7) + 1
  return Array.from({ length: count }, (_, i) => (begin + i) % 7)
}
