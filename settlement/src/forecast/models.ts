import { mstl } from './mstl.ts'
import { mean, median } from './statistics.ts'
import {
  seasonalNaive,
  WEEK,
  weekdayMedian,
  weekdayProfile,
  weekdaySteady,
  weekdayTrail,
  withoutBursts,
} from './weekday-models.ts'

/** What can be forecast with; `ensemble` is made of others. */
export const MODELS = [
  'ensemble',
  'weekday-median',
  'weekday-profile',
  'weekday-trail',
  'weekday-steady',
  'mstl-ets',
  'mstl-ets-cleaned',
] as const
export type Model = (typeof MODELS)[number]

/** A value for each day of the horizon. */
export type Points = readonly number[]
/** What each model says; one that cannot say anything is missing. */
export type Forecasts = Readonly<Partial<Record<Model, Points>>> & { readonly ensemble: Points }

/** Three whole weeks: with fewer, a season and a trend are drawn out of nothing. */
const DECOMPOSED_DAYS_MIN = 3 * WEEK
/** Sixteen weeks: what is older changes the next week hardly, and a fit takes as long as its history. */
const DECOMPOSED_DAYS_MAX = 16 * WEEK

/**
 * What each model says of the days after `values`, knowing nothing but them.
 *
 * @param quick without the models that are fitted: a thousandth of the time
 */
export function forecastsOf(values: Points, horizon: number, quick = false): Forecasts {
  const simple = {
    'weekday-median': weekdayMedian(values, horizon),
    'weekday-profile': weekdayProfile(values, horizon),
    'weekday-trail': weekdayTrail(values, horizon),
    'weekday-steady': weekdaySteady(values, horizon),
  }
  const fitted = quick ? {} : decomposed(values, horizon)
  const parts = [
    simple['weekday-median'],
    simple['weekday-profile'],
    fitted['mstl-ets-cleaned'],
  ].filter((points) => points !== undefined)
  return { ensemble: middleOf(parts, horizon), ...simple, ...fitted }
}

/** The line that every forecast is measured against. */
export const naive = seasonalNaive

const middleOf = (parts: readonly Points[], horizon: number): number[] =>
  Array.from({ length: horizon }, (_, lead) => median(parts.map((points) => points[lead] ?? 0)))

/** In logarithms: weekdays multiply, and a burst of five times counts as much as a fifth. */
function decomposed(values: Points, horizon: number) {
  if (values.length < DECOMPOSED_DAYS_MIN) return {}
  const recent = values.slice(-DECOMPOSED_DAYS_MAX)
  const plain = inLogarithms(recent, horizon)
  // On a series with empty days, what would be cut off is mostly what is spent.
  const cleaned = recent.every((value) => value > 0)
    ? inLogarithms(withoutBursts(recent), horizon)
    : plain
  return {
    ...(plain !== undefined && { 'mstl-ets': plain }),
    ...(cleaned !== undefined && { 'mstl-ets-cleaned': cleaned }),
  }
}

/** How far above the greatest value so far a fitted trend may lead: beyond that it has run away. */
const GROWTH_MAX = 3

function inLogarithms(values: Points, horizon: number): number[] | undefined {
  // Against the scale of the series, so that euros and cents are forecast alike.
  const scale = mean(values) / 1_000
  if (!(scale > 0)) return undefined
  const most = Math.max(...values) * GROWTH_MAX
  return mstl(
    values.map((value) => Math.log1p(value / scale)),
    horizon,
  )?.map((value) => Math.min(Math.max(0, Math.expm1(value) * scale), most))
}
