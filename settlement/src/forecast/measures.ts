import type { Interval } from './intervals.ts'
import type { Points } from './models.ts'
import { mean, sum } from './statistics.ts'
import { WEEK } from './weekday-models.ts'

/** A forecast of a week, beside what came. */
export interface Trial {
  /** Days that were known. */
  readonly origin: number
  readonly points: Points
  readonly actual: Points
}

/** How far off forecasts were; percentages as numbers, 8.4 for 8.4 %. */
export interface Errors {
  /** Mean of the days' errors, each in percent of its day; null where a day had nothing, for there is no such percentage. */
  readonly mape: number | null
  /** Sum of the days' errors in percent of the sum of the days. */
  readonly wape: number | null
  /** Mean error of the weeks' totals, in percent of the totals. */
  readonly weekError: number | null
  /** Error against that of "as a week before" within what was known at the origins; below 1 is better. */
  readonly mase: number | null
}

/** @param values the whole series, for what was known at the origins */
export function errorsOf(trials: readonly Trial[], values: Points): Errors {
  const days = trials.flatMap(({ points, actual }) =>
    actual.map((value, lead) => ({ value, error: Math.abs((points[lead] ?? 0) - value) })),
  )
  const weeks = trials.map(({ points, actual }) => ({
    value: sum(actual),
    error: Math.abs(sum(points.slice(0, actual.length)) - sum(actual)),
  }))
  const scale = mean(trials.map(({ origin }) => naiveError(values.slice(0, origin))))
  const error = mean(days.map((day) => day.error))
  return {
    mape: percent(days.map((day) => day.error / day.value)),
    wape: percent([sum(days.map((day) => day.error)) / sum(days.map(({ value }) => value))]),
    weekError: percent(weeks.map((week) => week.error / week.value)),
    mase: finite(error / scale),
  }
}

/** In percent: how many of the days lay within their intervals. */
export function coverageOf(
  trials: readonly { readonly intervals: readonly Interval[]; readonly actual: Points }[],
): number | null {
  return percent(
    trials.flatMap(({ intervals, actual }) =>
      actual.map((value, lead) => {
        const { lower, upper } = intervals[lead] ?? { lower: Number.NaN, upper: Number.NaN }
        return value >= lower && value <= upper ? 1 : 0
      }),
    ),
  )
}

/** The mean error of "as a week before", day by day. */
function naiveError(known: Points): number {
  return mean(known.slice(WEEK).map((value, i) => Math.abs(value - (known[i] ?? 0))))
}

const percent = (shares: readonly number[]): number | null => finite(100 * mean(shares))

/** To the hundredth: what is behind it is noise. */
const finite = (value: number): number | null =>
  Number.isFinite(value) ? Math.round(value * 100) / 100 : null
