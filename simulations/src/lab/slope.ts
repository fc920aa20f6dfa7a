/** A quantity at a time. */
export interface Sample {
  readonly seconds: number
  readonly value: number
}

export interface Slope {
  readonly perMinute: number
  /** Of `perMinute`, widened for samples that follow each other closely. */
  readonly standardError: number
  readonly samples: number
}

/** Least squares; `undefined` for fewer than four samples, or all at one time. */
export function slopeOf(samples: readonly Sample[]): Slope | undefined {
  const n = samples.length
  if (n < 4) return undefined
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, s) => sum + of(s), 0) / n
  const [time, value] = [mean(({ seconds }) => seconds), mean((sample) => sample.value)]
  const square = samples.reduce((sum, { seconds }) => sum + (seconds - time) ** 2, 0)
  if (square === 0) return undefined
  const slope = samples.reduce((sum, s) => sum + (s.seconds - time) * (s.value - value), 0) / square
  const residuals = samples.map((s) => s.value - value - slope * (s.seconds - time))
  const squares = residuals.reduce((sum, residual) => sum + residual ** 2, 0)
  const error = Math.sqrt(squares / (n - 2) / square)
  return {
    perMinute: slope * 60,
    standardError: error * 60 * Math.sqrt(widening(residuals, squares)),
    samples: n,
  }
}

/** A heap rises until it is collected, so neighbours resemble each other, and n samples say less than n independent ones. */
function widening(residuals: readonly number[], squares: number): number {
  if (squares === 0) return 1
  const products = residuals.slice(1).reduce((sum, r, i) => sum + r * (residuals[i] ?? 0), 0)
  const correlation = Math.min(0.95, Math.max(0, products / squares))
  return (1 + correlation) / (1 - correlation)
}

/** Whether a slope lies above a bound by more than three standard errors. */
export function clearlyAbove({ perMinute, standardError }: Slope, bound: number): boolean {
  return perMinute - 3 * standardError > bound
}
