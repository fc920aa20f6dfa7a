import { type BackTest, backTest } from './back-test.ts'
import { classOf, type SpendClass } from './classify.ts'
import type { Weights } from './mixture.ts'
import { MODELS, type Model, type Points } from './models.ts'
import { FIRST_ORIGIN, type ReplayOptions, replay, type Step } from './replay.ts'
import { mean } from './statistics.ts'

/** A day that is not known yet. */
export interface ForecastDay {
  readonly value: number
  /** Four of five days lie between these. */
  readonly lower: number
  readonly upper: number
}

export interface DaysForecast {
  /** `mixture` of the models in `weights`; `mean` of the days that there are, before there is a week. */
  readonly model: 'mixture' | 'mean'
  /** The model that counts most. */
  readonly leader: Model | null
  readonly weights: Weights
  readonly class: SpendClass
  /** The days after the series, the next one first. */
  readonly days: readonly ForecastDay[]
  /** Null where there is too little to compare. */
  readonly backTest: BackTest | null
}

/**
 * The days after `values` (a number for each day, the newest last, none negative), with what such forecasts of this series
 * were worth so far. The same series has the same forecast, always.
 */
export function forecastDays(values: Points, options: ReplayOptions = {}): DaysForecast {
  return finish(values, [...replay(values, options)], options)
}

/** The same for services: lets others in between the steps. @throws what `signal` was aborted with */
export async function forecastDaysGently(
  values: Points,
  options: ReplayOptions & { readonly signal?: AbortSignal } = {},
): Promise<DaysForecast> {
  const steps: Step[] = []
  for (const step of replay(values, options)) {
    steps.push(step)
    options.signal?.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return finish(values, steps, options)
}

function finish(
  values: Points,
  steps: readonly Step[],
  { horizon = FIRST_ORIGIN }: ReplayOptions,
): DaysForecast {
  const last = steps.at(-1)
  if (last === undefined) return tooShort(values, horizon)
  const days = last.points.slice(0, horizon).map((value, lead) => ({
    value,
    lower: Math.min(value, last.intervals[lead]?.lower ?? value),
    upper: Math.max(value, last.intervals[lead]?.upper ?? value),
  }))
  return {
    model: 'mixture',
    leader: leaderOf(last.weights),
    weights: last.weights,
    class: classOf(values),
    days,
    backTest: backTest(values, steps) ?? null,
  }
}

const leaderOf = (weights: Weights): Model | null =>
  MODELS.toSorted((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0))[0] ?? null

/** Less than a week: the mean, and from nothing to twice the greatest day. */
function tooShort(values: Points, horizon: number): DaysForecast {
  const value = values.length === 0 ? 0 : mean(values)
  const day = { value, lower: 0, upper: 2 * Math.max(0, ...values) }
  return {
    model: 'mean',
    leader: null,
    weights: {},
    class: 'unknown',
    days: Array.from({ length: horizon }, () => day),
    backTest: null,
  }
}
