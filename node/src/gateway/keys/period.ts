/** How often a budget begins anew; `none` is once and for all. */
export const PERIODS = ['none', 'day', 'week', 'month'] as const
export type Period = (typeof PERIODS)[number]

/** One that somebody else defines, such as days in another time zone. */
export interface Window {
  /** Two of one name are the same. */
  readonly name: string
  spanAt(now: number): Span
}

/** From `from` to before `to`, ms since 1970. */
export interface Span {
  readonly from: number
  readonly to: number
}

const DAY_MS = 86_400_000
/** 1970 began on a Thursday, and weeks begin on Monday (ISO 8601). */
const FIRST_MONDAY = 4 * DAY_MS

/** The day, week or month that `now` lies in, in UTC; or the window. */
export function spanOf(period: Period | Window, now: number): Span {
  if (typeof period === 'object') return period.spanAt(now)
  if (period === 'none') return { from: 0, to: Infinity }
  if (period === 'month') {
    const date = new Date(now)
    const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
    return { from: Date.UTC(year, month), to: Date.UTC(year, month + 1) }
  }
  const [first, length] = period === 'day' ? [0, DAY_MS] : [FIRST_MONDAY, 7 * DAY_MS]
  const from = first + Math.floor((now - first) / length) * length
  return { from, to: from + length }
}
