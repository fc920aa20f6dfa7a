import { type Decimal, decimalOf } from './decimal.ts'

/** Currencies whose smallest unit is not a hundredth (ISO 4217). */
const MINOR_DIGITS: Readonly<Record<string, number>> = {
  BHD: 3,
  ISK: 0,
  JOD: 3,
  JPY: 0,
  KRW: 0,
  KWD: 3,
  OMR: 3,
  TND: 3,
  VND: 0,
}

/**
 * The only place where an amount of money is rounded: to the smallest unit of its currency, half away from zero. Sums are
 * rounded once, at their end; parts are never rounded and then added.
 */
export const roundAmount = (amount: Decimal, currency: string): Decimal =>
  roundTo(amount, MINOR_DIGITS[currency] ?? 2)

/** To so many digits behind the point, half away from zero. */
export function roundTo({ units, scale }: Decimal, digits: number): Decimal {
  if (scale <= digits) return { units, scale }
  return decimalOf(divideRounded(units, 10n ** BigInt(scale - digits)), digits)
}

/**
 * By how many percent `after` is more than `before`, to two digits: for people to read, never to calculate with.
 *
 * @returns `null` when there is no such number, because `before` is 0
 */
export function percentChange(before: Decimal, after: Decimal): Decimal | null {
  if (before.units === 0n) return null
  const scale = Math.max(before.scale, after.scale)
  const [from, to] = [before, after].map(
    (value) => value.units * 10n ** BigInt(scale - value.scale),
  )
  if (from === undefined || to === undefined) return null
  const sign = from < 0n ? -1n : 1n
  return decimalOf(divideRounded((to - from) * 10_000n * sign, from * sign), 2)
}

/** @param divisor above 0 */
function divideRounded(value: bigint, divisor: bigint): bigint {
  const size = value < 0n ? -value : value
  const rounded = (2n * size + divisor) / (2n * divisor)
  return value < 0n ? -rounded : rounded
}
