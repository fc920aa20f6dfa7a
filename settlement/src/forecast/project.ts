import type { ForecastDay } from './forecast-days.ts'
import { sum } from './statistics.ts'

/**
 * How much the errors of two days go together. With a quarter, four of five weeks lie in the interval of their sum, on most
 * of the series in `docs/guides/forecast.md`; with nothing only three, for a level that is off is off every day.
 */
const TOGETHER = 0.25

/** The sum of days, with the interval of the sum: narrower than the sum of intervals, for errors balance in part. */
export function total(days: readonly ForecastDay[]): ForecastDay {
  const value = sum(days.map((day) => day.value))
  return {
    value,
    lower: Math.max(0, value - combined(days.map((day) => day.value - day.lower))),
    upper: value + combined(days.map((day) => day.upper - day.value)),
  }
}

function combined(widths: readonly number[]): number {
  const squares = sum(widths.map((width) => width ** 2))
  return Math.sqrt((1 - TOGETHER) * squares + TOGETHER * sum(widths) ** 2)
}

/** What is still to come of a day of which something is known already. */
export function rest({ value, lower, upper }: ForecastDay, soFar: number): ForecastDay {
  return {
    value: Math.max(0, value - soFar),
    lower: Math.max(0, lower - soFar),
    upper: Math.max(0, upper - soFar),
  }
}

/** When a limit is passed, as the index of a day; null where it is not. */
export interface Exceeding {
  readonly likely: number | null
  /** When days come as dear as one in ten. */
  readonly earliest: number | null
}

/**
 * On which day a limit is passed.
 *
 * @param series days from today on; of today only what is still to come, see `rest`
 * @param spentSoFar in the unit of `series`, in the window until now
 * @param window how many days of `series` are within it
 */
export function whenExceeded(
  series: readonly ForecastDay[],
  spentSoFar: number,
  limit: number,
  window: number,
): Exceeding {
  const days = series.slice(0, window)
  const firstOf = (so: (day: ForecastDay) => number): number | null => {
    const found = days.findIndex((_, i) => spentSoFar + so(total(days.slice(0, i + 1))) > limit)
    return found < 0 ? null : found
  }
  return { likely: firstOf(({ value }) => value), earliest: firstOf(({ upper }) => upper) }
}
