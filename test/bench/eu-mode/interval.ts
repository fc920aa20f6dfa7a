import { percentile } from '../statistics.ts'

/** Where the median of what was measured lies. */
export interface Interval {
  readonly median: number
  readonly low: number
  readonly high: number
  /** How sure that is, 0…1: as sure as so few rounds allow, where that is less than was asked for. */
  readonly confidence: number
}

const ASKED = 0.95

/**
 * The interval between two of the values in which their median lies, whatever they are distributed like: below each value
 * lies the median with the chance of a coin. Its ends are the innermost two that are sure enough.
 *
 * @throws {RangeError} of none
 */
export function medianInterval(values: readonly number[]): Interval {
  const sorted = values.toSorted((a, b) => a - b)
  const count = sorted.length
  let cut = 0
  while (confidenceOf(count, cut + 1) >= ASKED) cut++
  const [low, high] = [sorted[cut], sorted[count - 1 - cut]]
  if (low === undefined || high === undefined) throw new RangeError('an interval of no values')
  return { median: percentile(sorted, 0.5), low, high, confidence: confidenceOf(count, cut) }
}

/** That of `count` coins more than `cut` and fewer than `count - cut` show heads. */
function confidenceOf(count: number, cut: number): number {
  if (cut >= count / 2) return 0
  let chance = 0.5 ** count
  let outside = 0
  for (let heads = 0; heads <= cut; heads++) {
    outside += chance
    chance *= (count - heads) / (heads + 1)
  }
  return 1 - 2 * outside
}
