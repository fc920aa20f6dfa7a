import type { Points } from './models.ts'
import { mean, weightedQuantile } from './statistics.ts'
import { WEEK } from './weekday-models.ts'

export interface Interval {
  readonly lower: number
  readonly upper: number
}

/** Of the days, a tenth should lie above the interval and a tenth below: it holds four of five. */
const TAIL = 0.1
/** How fast a tail gives way: quick enough that eight weeks are enough to find the share that is wanted. */
const STEP = 0.15
/** What a day counts for less with each day that passes. */
const MEMORY = 0.99
/** Fewer residual days than this many times over, and the interval is wider by that part: small samples lack their tails. */
const PRIOR_DAYS = 5
/** Beyond a tail of nothing the greatest residual is stretched by so much for each unit. */
const STRETCH = 5
const TAIL_MIN = -0.1
const TAIL_MAX = 0.35
/** Misses count from here on: before it an interval is a guess out of a handful of days. */
const LEARN_FROM = 9
/** Half a year: what is older weighs a sixth of today. */
const RESIDUAL_DAYS_MAX = 182
/** Days whose mean is the level that residuals are measured by. */
const LEVEL_DAYS = 28

interface Residual {
  readonly at: number
  readonly value: number
}

/**
 * Intervals that learn: residuals of earlier forecasts, whose tails are made wider or narrower as the intervals before held
 * fewer or more days than they should (adaptive conformal inference, Gibbs and Candès 2021), each side by itself. Nothing
 * is assumed of how errors are distributed, and the share that is held approaches four of five whatever the series does.
 *
 * Fed in order: `interval` for an origin knows only days before it.
 */
export class AdaptiveIntervals {
  readonly #values: Points
  readonly #first: number
  readonly #told = new Map<number, readonly Interval[]>()
  readonly #forecasts = new Map<number, Points>()
  #residuals: Residual[] = []
  #above = TAIL
  #below = TAIL

  /** @param first origin that is forecast */
  constructor(values: Points, first: number) {
    this.#values = values
    this.#first = first
  }

  /** The intervals around `points`, forecast from `origin`; origins come one after the other, each day. */
  interval(origin: number, points: Points): readonly Interval[] {
    if (origin > this.#first) this.#learn(origin - 1)
    const intervals = this.#around(origin, points)
    this.#told.set(origin, intervals.slice(0, WEEK))
    this.#forecasts.set(origin, points.slice(0, WEEK))
    return intervals
  }

  /** What the day `day` turned out to be, for every forecast of it. */
  #learn(day: number): void {
    const actual = this.#values[day] ?? 0
    const told: Interval[] = []
    for (let origin = Math.max(this.#first, day - WEEK + 1); origin <= day; origin += 1) {
      const point = this.#forecasts.get(origin)?.[day - origin]
      const interval = this.#told.get(origin)?.[day - origin]
      if (point === undefined || interval === undefined) continue
      told.push(interval)
      const unit = unitOf(point, levelBefore(this.#values, origin))
      this.#residuals.push({ at: day, value: (actual - point) / unit })
    }
    if (this.#residuals.length > 2 * WEEK * RESIDUAL_DAYS_MAX) {
      this.#residuals = this.#residuals.slice(-WEEK * RESIDUAL_DAYS_MAX)
    }
    if (day < LEARN_FROM || told.length === 0) return
    const share = (missed: (interval: Interval) => boolean) =>
      told.filter(missed).length / told.length
    this.#above = adapted(
      this.#above,
      share(({ upper }) => actual > upper),
    )
    this.#below = adapted(
      this.#below,
      share(({ lower }) => actual < lower),
    )
  }

  #around(origin: number, points: Points): Interval[] {
    if (this.#residuals.length === 0) return points.map(() => range(this.#values.slice(0, origin)))
    const inflation = 1 + PRIOR_DAYS / (origin - this.#first)
    const above = Math.max(0, this.#tail(origin, this.#above, 1)) * inflation
    const below = Math.max(0, this.#tail(origin, this.#below, -1)) * inflation
    const level = levelBefore(this.#values, origin)
    return points.map((point, lead) => {
      // Beyond the week that was tried, as the error of a sum of steps.
      const unit = unitOf(point, level) * Math.sqrt(Math.max(1, (lead + 1) / WEEK))
      return { lower: Math.max(0, point - below * unit), upper: point + above * unit }
    })
  }

  /** How far the residuals reach on one side. */
  #tail(origin: number, tail: number, sign: 1 | -1): number {
    const residuals = this.#residuals.map(({ at, value }) => ({
      value: value * sign,
      weight: MEMORY ** (origin - at),
    }))
    const reach = weightedQuantile(residuals, Math.min(1, 1 - tail))
    return tail > 0 ? reach : reach * (1 - STRETCH * tail)
  }
}

const adapted = (tail: number, missed: number): number =>
  Math.min(TAIL_MAX, Math.max(TAIL_MIN, tail + STEP * (TAIL - missed)))

/** Half by the forecast, half by the level: great days err more, and empty ones not by nothing. */
const unitOf = (point: number, level: number): number => (Math.max(point, 0.1 * level) + level) / 2

function levelBefore(values: Points, origin: number): number {
  const level = mean(values.slice(Math.max(0, origin - LEVEL_DAYS), origin))
  return level > 0 ? level : 1
}

const range = (values: Points): Interval => ({
  lower: Math.min(...values),
  upper: Math.max(...values),
})
