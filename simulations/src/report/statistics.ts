export const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length

/** The value that this share of the values does not exceed; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

/** A mean, and how far it may be off: the half-width of its 95 % interval. */
export interface Estimate {
  readonly mean: number
  readonly off: number
}

/** Student's t for 95 %, two-sided, of 1 to 10 degrees of freedom; beyond, that of the normal distribution is near enough. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]
const NORMAL = 1.96

/** Of independent runs. One run alone tells nothing of how far it may be off: infinitely. */
export function estimate(values: readonly number[]): Estimate {
  const { length } = values
  const middle = mean(values)
  if (length < 2) return { mean: middle, off: Number.POSITIVE_INFINITY }
  const variance = values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (length - 1)
  const t = STUDENT[length - 2] ?? NORMAL
  return { mean: middle, off: t * Math.sqrt(variance / length) }
}

/** How unequal: 0 when all have the same, near 1 when one has everything. What is below zero counts as zero. */
export function gini(values: readonly number[]): number {
  const sorted = values.map((value) => Math.max(0, value)).sort((a, b) => a - b)
  const all = sorted.reduce((sum, value) => sum + value, 0)
  if (all === 0) return 0
  const ranked = sorted.reduce((sum, value, i) => sum + (i + 1) * value, 0)
  return (2 * ranked) / (sorted.length * all) - (sorted.length + 1) / sorted.length
}
