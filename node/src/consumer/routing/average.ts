/** A mean of what was observed lately. Plain data, so that it can be kept over a restart. */
export interface Average {
  readonly mean: number
  /** Observations that it is made of, those of long ago counted in part. */
  readonly weight: number
  /** When the weight was right, ms. */
  readonly at: number
}

export const NOTHING: Average = { mean: 0, weight: 0, at: 0 }

/** An observation counts half after this time, in which prices, load and neighbours of a GPU change; ms. */
export const HALF_LIFE_MS = 30 * 60_000
/** However many come, the last ones count: a machine that slows down is noticed within about ten answers. */
const WEIGHT_MAX = 20

export function observed(
  average: Average,
  value: number,
  now: number,
  halfLifeMs: number = HALF_LIFE_MS,
): Average {
  const weight = Math.min(weightAt(average, now, halfLifeMs) + 1, WEIGHT_MAX)
  // The first of a kind replaces what no weight is left of.
  return { mean: average.mean + (value - average.mean) / weight, weight, at: now }
}

/** What is left of the weight. A clock that was set back takes nothing away and adds nothing. */
export function weightAt(
  { weight, at }: Average,
  now: number,
  halfLifeMs: number = HALF_LIFE_MS,
): number {
  return weight * 0.5 ** (Math.max(0, now - at) / halfLifeMs)
}

/** The mean, drawn to `prior` as if that had been observed `priorWeight` times. */
export function estimate(
  average: Average,
  now: number,
  prior: number,
  priorWeight: number,
  halfLifeMs: number = HALF_LIFE_MS,
): number {
  if (average.weight === 0) return prior
  const weight = weightAt(average, now, halfLifeMs)
  return (average.mean * weight + prior * priorWeight) / (weight + priorWeight)
}
