import { type Forecasts, MODELS, type Model, type Points } from './models.ts'
import { sum } from './statistics.ts'
import { WEEK } from './weekday-models.ts'

/** A model's share of the forecast; together 1. */
export type Weights = Readonly<Partial<Record<Model, number>>>

/** What was forecast from each origin; the origin is the number of days that were known. */
export type Past = ReadonlyMap<number, Forecasts>

/** What an error counts a day later: after two weeks half. A series that has changed is soon forecast by what follows it. */
const MEMORY = 0.95
/** Origins that are looked at: what is older has next to no weight. */
const ORIGINS_MAX = 98
/** Twice the error is a four-thousandth of the weight: almost a choice, but without jumps between equals. */
const STRICTNESS = 12
/** Days of replay after which the errors are believed in full; before that, all models count almost alike. */
const BELIEVED_DAYS = 60
/** No model is so good that others count for nothing. */
const RATIO_MIN = 0.01

/**
 * How much each model counts, by its errors on what is known by `origin`: only days before it, forecast from origins before
 * it.
 *
 * @param days of replay that there were
 */
export function weigh(past: Past, values: Points, origin: number, days: number): Weights {
  const now = past.get(origin)
  if (now === undefined) return {}
  const power = STRICTNESS * Math.min(1, days / BELIEVED_DAYS)
  const raw = MODELS.filter((model) => now[model] !== undefined).map(
    (model) => [model, errorRatio(past, values, origin, model) ** -power] as const,
  )
  const whole = sum(raw.map(([, weight]) => weight))
  return Object.fromEntries(raw.map(([model, weight]) => [model, weight / whole]))
}

/** The weighted mean of what the models say. */
export function mix(forecasts: Forecasts, weights: Weights): number[] {
  return forecasts.ensemble.map((_, lead) =>
    sum(MODELS.map((model) => (weights[model] ?? 0) * (forecasts[model]?.[lead] ?? 0))),
  )
}

/** A model's error against the ensemble's, over what both have forecast. */
function errorRatio(past: Past, values: Points, origin: number, model: Model): number {
  let own = 0
  let common = 0
  for (let from = Math.max(0, origin - ORIGINS_MAX); from < origin; from += 1) {
    const told = past.get(from)
    const points = told?.[model]
    if (told === undefined || points === undefined) continue
    for (let lead = 0; lead < WEEK && from + lead < origin; lead += 1) {
      const weight = MEMORY ** (origin - from - lead)
      const actual = values[from + lead] ?? 0
      own += weight * Math.abs((points[lead] ?? 0) - actual)
      common += weight * Math.abs((told.ensemble[lead] ?? 0) - actual)
    }
  }
  return common > 0 ? Math.max(own / common, RATIO_MIN) : 1
}
