import { MINUTES_A_DAY, MINUTES_A_WEEK, type WallClock } from './wall-clock.ts'

/** From and until which minute of the week, counted from Monday 00:00; `until` may lie in the next week. */
export interface Window {
  readonly from: number
  readonly until: number
}

const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
/** More than one window for each hour of a week is no schedule. */
const WINDOWS_MAX = 168

/**
 * Reads `mon-fri 20:00-07:00, sat-sun 00:00-24:00`. A window belongs to the day on which it begins; when it ends before
 * it begins, it ends on the next day. Without days it is for every day.
 *
 * @throws {Error} that says what is wrong
 */
export function parseWindows(text: string): Window[] {
  const windows = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .flatMap(parseWindow)
  if (windows.length === 0) throw new Error('must name at least one window such as 20:00-07:00')
  if (windows.length > WINDOWS_MAX) throw new Error(`must be at most ${WINDOWS_MAX} windows`)
  return windows
}

function parseWindow(part: string): Window[] {
  const match = /^(?:([a-z]{3})(?:\s*-\s*([a-z]{3}))?\s+)?(\S+)$/iu.exec(part)
  if (match === null)
    throw new Error(`${part.slice(0, 40)} is not a window such as mon-fri 20:00-07:00`)
  const [, first, last = first, times = ''] = match
  const { from, until } = parseTimes(times)
  return daysOf(first, last).map((day) => ({
    from: day * MINUTES_A_DAY + from,
    until: day * MINUTES_A_DAY + until,
  }))
}

/**
 * Minutes of `20:00-07:00`; `until` is on the next day when it is not after `from`.
 *
 * @throws {Error} that says what is wrong
 */
export function parseTimes(text: string): Window {
  const [a, b, ...more] = text.split('-')
  const from = minuteOf(a ?? '')
  const until = minuteOf(b ?? '')
  if (from === undefined || until === undefined || more.length > 0 || from === MINUTES_A_DAY)
    throw new Error(`${text.slice(0, 40)} is not a span of hours such as 20:00-07:00`)
  return { from, until: until > from ? until : until + MINUTES_A_DAY }
}

function minuteOf(text: string): number | undefined {
  const match = /^(\d{1,2}):(\d{2})$/u.exec(text)
  const minute = Number(match?.[1]) * 60 + Number(match?.[2])
  return Number(match?.[2]) < 60 && minute <= MINUTES_A_DAY ? minute : undefined
}

/** `fri-mon` goes over the weekend. */
function daysOf(first: string | undefined, last: string | undefined): number[] {
  if (first === undefined || last === undefined) return DAYS.map((_, day) => day)
  const from = DAYS.indexOf(first.toLowerCase())
  const to = DAYS.indexOf(last.toLowerCase())
  if (from < 0 || to < 0)
    throw new Error(`${from < 0 ? first : last} is not one of ${DAYS.join(', ')}`)
  return DAYS.map((_, i) => (from + i) % 7).slice(0, ((to - from + 7) % 7) + 1)
}

/** Whether a minute of the week lies in a window. */
export function isWithin(windows: readonly Window[], minuteOfWeek: number): boolean {
  return windows.some(
    ({ from, until }) =>
      (minuteOfWeek >= from && minuteOfWeek < until) || minuteOfWeek + MINUTES_A_WEEK < until,
  )
}

/**
 * Open hours by the clock on the wall. An hour that is skipped in spring is not waited for, and one that comes twice in
 * autumn is open twice: what counts is what the owner's clock shows.
 */
export class Schedule {
  readonly #windows: readonly Window[]
  readonly #clock: WallClock
  readonly #edges: readonly number[]

  constructor(windows: readonly Window[], clock: WallClock) {
    this.#windows = windows
    this.#clock = clock
    const edges = windows.flatMap(({ from, until }) => [from, until % MINUTES_A_WEEK])
    this.#edges = [...new Set(edges)]
  }

  isOpen(now: number): boolean {
    return isWithin(this.#windows, this.#clock.at(now).minuteOfWeek)
  }

  /** When it opens or closes next, ms since 1970; `undefined` when it never does. */
  nextChange(now: number): number | undefined {
    const open = this.isOpen(now)
    // A week shows every edge, but for an hour that spring skips: that one comes a week later.
    const end = now + (2 * MINUTES_A_WEEK + MINUTES_A_DAY) * 60_000
    for (let at = now; at < end; ) {
      at = this.#clock.next(at, this.#edges)
      if (this.isOpen(at) !== open) return at
    }
    return undefined
  }
}
