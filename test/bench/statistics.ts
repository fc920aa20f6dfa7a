/** What several rounds gave for the same figure. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly rounds: readonly number[]
}

export function spreadOf(rounds: readonly number[]): Spread {
  return {
    median: percentile(rounds, 0.5),
    min: Math.min(...rounds),
    max: Math.max(...rounds),
    rounds,
  }
}

/** The value below which `share` (0…1) of all lie, between the two nearest ones. @throws {RangeError} of none */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  if (below === undefined || above === undefined) throw new RangeError('percentile of no values')
  // What never came is infinite, and so is what lies between two that never came.
  return below === above ? below : below + (above - below) * (at - Math.floor(at))
}
