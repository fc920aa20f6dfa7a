/**
 * The value that a share of all were at most, as Prometheus' `histogram_quantile` estimates it: evenly spread within a bucket.
 * What is beyond the last bound counts as the last bound.
 *
 * @param counts for each bound those above the one before, and one more for what is beyond all
 * @param bounds ascending
 * @returns null of nothing
 */
export function quantile(
  share: number,
  counts: readonly number[],
  bounds: readonly number[],
): number | null {
  const all = counts.reduce((sum, count) => sum + count, 0)
  if (all === 0) return null
  let left = share * all
  for (const [index, bound] of bounds.entries()) {
    const count = counts[index] ?? 0
    if (count > 0 && left <= count) {
      const from = bounds[index - 1] ?? 0
      return from + ((bound - from) * left) / count
    }
    left -= count
  }
  return bounds.at(-1) ?? null
}
