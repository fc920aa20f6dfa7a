/** How often a budget begins anew; `none` is once and for all. */
export const PERIODS = ['none', 'day', 'week', 'month'] as const
export type Period = (typeof PERIODS)[number]

/** From `from` to before `to`, ms since 1970. */
export interface Span {
  readonly from: number
  readonly to: number
}

const DAY_MS = 86_400_000
/** 1970 began on a Thursday, and weeks begin on Monday (ISO 8601). */
const FIRST_MONDAY = 4 * DAY_MS

/** The day, week or month that `now` lies in, in UTC. */
export function spanOf(period: Period, now: number): Span {
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
