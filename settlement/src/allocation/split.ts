/**
 * Splits an amount by weights, to the last unit: each part is rounded down, and what is left over goes, a unit each, to those
 * that lost most by it (largest remainder). Of equal ones the first has it.
 *
 * @param amount not negative
 * @param weights not negative, not all 0
 * @returns a part for each weight; together they are the amount
 * @throws {RangeError}
 */
export function split(amount: bigint, weights: readonly bigint[]): bigint[] {
  const whole = weights.reduce((sum, weight) => sum + weight, 0n)
  if (amount < 0n || whole <= 0n || weights.some((weight) => weight < 0n)) {
    throw new RangeError('an amount and weights are not negative, and one of these is more than 0')
  }
  const parts = weights.map((weight) => (amount * weight) / whole)
  const left = amount - parts.reduce((sum, part) => sum + part, 0n)
  const byRemainder = weights
    .map((weight, place) => ({ place, remainder: (amount * weight) % whole }))
    .sort(
      (a, b) =>
        Number(b.remainder > a.remainder) - Number(b.remainder < a.remainder) || a.place - b.place,
    )
  for (const { place } of byRemainder.slice(0, Number(left)))
    parts[place] = (parts[place] ?? 0n) + 1n
  return parts
}
