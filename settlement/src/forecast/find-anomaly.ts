import type { Interval } from './intervals.ts'
import { replay } from './replay.ts'
import { robustDeviation } from './statistics.ts'
import { WEEK } from './weekday-models.ts'

export const DIRECTIONS = ['up', 'down'] as const
export type Direction = (typeof DIRECTIONS)[number]

/** A last day that is unlike what was expected of it, in the unit of the series. */
export interface Unusual extends Interval {
  readonly direction: Direction
  readonly expected: number
  readonly actual: number
  /** Robust deviations from what was expected. */
  readonly score: number
}

/** Days to learn the usual errors from. */
const DAYS_MIN = 4 * WEEK
/** Errors that a day is compared with: eight of each weekday. */
const ERRORS_MAX = 8 * WEEK
/** Of normal errors one in fifteen thousand days; of bursty spend many more, which is what `RARE` is for. */
const SCORE_MIN = 4
/** A change of less than this part of what was expected is nobody's concern. */
const CHANGE_MIN = 0.2
/** A day must be further off than all days of the last eight weeks but one, by this much. */
const RARE = 1.1
/** Errors that are all alike are taken for this part of the level. */
const SPREAD_MIN = 0.02

/**
 * Whether the last of `values` is outside of the interval that was forecast the evening before, by far more than is usual
 * for this series. What is known is only what was before it.
 *
 * @param leastChange below this difference nothing is unusual, in the unit of the values
 */
export function findUnusual(values: readonly number[], leastChange: number): Unusual | undefined {
  const day = values.length - 1
  if (day < DAYS_MIN) return undefined
  const said = [...replay(values, { quick: true, originsMax: ERRORS_MAX + 2 * WEEK })]
  const errors = said.slice(-ERRORS_MAX - 2, -2).map(({ origin, points }) => {
    const point = points[0] ?? 0
    return (values[origin] ?? 0) - point
  })
  const now = said.at(-2)
  const expected = now?.points[0]
  const interval = now?.intervals[0]
  if (expected === undefined || interval === undefined) return undefined
  const actual = values[day] ?? 0
  const error = actual - expected
  const direction = error > 0 ? 'up' : 'down'
  const score = Math.abs(error) / spreadOf(errors, expected)
  const isUnusual =
    (actual > interval.upper || actual < interval.lower) &&
    score >= SCORE_MIN &&
    Math.abs(error) >= Math.max(leastChange, CHANGE_MIN * expected) &&
    Math.abs(error) > RARE * secondLargest(errors, direction)
  return isUnusual ? { direction, expected, actual, score, ...interval } : undefined
}

function spreadOf(errors: readonly number[], expected: number): number {
  const spread = Math.max(robustDeviation(errors), SPREAD_MIN * expected)
  return spread > 0 ? spread : Number.MIN_VALUE
}

function secondLargest(errors: readonly number[], direction: Direction): number {
  const sign = direction === 'up' ? 1 : -1
  return errors.map((error) => error * sign).toSorted((a, b) => b - a)[1] ?? 0
}
