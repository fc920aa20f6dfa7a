/** The middle value; of two middle ones their mean. `NaN` of nothing. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** @param share 0 to 1; between two values it lies in proportion. `NaN` of nothing. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return Number.NaN
  const sorted = values.toSorted((a, b) => a - b)
  const place = Math.min(Math.max(share, 0), 1) * (sorted.length - 1)
  const below = sorted[Math.floor(place)] ?? Number.NaN
  const above = sorted[Math.ceil(place)] ?? Number.NaN
  return below + (above - below) * (place - Math.floor(place))
}

/** The value below which `share` of the weight lies. `NaN` of nothing. */
export function weightedQuantile(
  values: readonly { readonly value: number; readonly weight: number }[],
  share: number,
): number {
  const sorted = values.toSorted((a, b) => a.value - b.value)
  const target = share * sum(sorted.map(({ weight }) => weight))
  let passed = 0
  for (const { value, weight } of sorted) {
    passed += weight
    if (passed >= target) return value
  }
  return sorted.at(-1)?.value ?? Number.NaN
}

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

/** `NaN` of nothing. */
export const mean = (values: readonly number[]): number => sum(values) / values.length

/** The spread of the middle, scaled so that it is the standard deviation of a normal distribution. */
export function robustDeviation(values: readonly number[]): number {
  const middle = median(values)
  return 1.4826 * median(values.map((value) => Math.abs(value - middle)))
}
