import { AdaptiveIntervals, type Interval } from './intervals.ts'
import { mix, type Weights, weigh } from './mixture.ts'
import { type Forecasts, forecastsOf, type Points } from './models.ts'
import { WEEK } from './weekday-models.ts'

/** What was known and said at one moment. */
export interface Step {
  /** Days that were known. */
  readonly origin: number
  readonly points: Points
  readonly intervals: readonly Interval[]
  readonly weights: Weights
}

export interface ReplayOptions {
  /** Days after the last one that is known; a week when not given. */
  readonly horizon?: number
  /** Without the models that are fitted. */
  readonly quick?: boolean
  /** Origins that are replayed, the newest; all when not given. */
  readonly originsMax?: number
}

/** One whole week is the least that says anything of the next. */
export const FIRST_ORIGIN = WEEK

/**
 * Lives through a series: from each day on, forecasts what comes, by what was known on that day and what earlier forecasts
 * of this replay turned out to be worth. The last step is the forecast of what is not known yet.
 *
 * A step takes some milliseconds; who has others waiting lets them in between.
 */
export function* replay(values: Points, options: ReplayOptions = {}): Generator<Step> {
  const { horizon = WEEK, quick = false, originsMax = Number.POSITIVE_INFINITY } = options
  const first = Math.max(FIRST_ORIGIN, values.length - originsMax + 1)
  const past = new Map<number, Forecasts>()
  const learned = new AdaptiveIntervals(values, first)
  for (let origin = first; origin <= values.length; origin += 1) {
    const known = values.slice(0, origin)
    const leads = origin === values.length ? Math.max(horizon, WEEK) : WEEK
    const forecasts = forecastsOf(known, leads, quick)
    past.set(origin, forecasts)
    const weights = weigh(past, values, origin, origin - first)
    const points = mix(forecasts, weights)
    yield { origin, points, intervals: learned.interval(origin, points), weights }
  }
}
