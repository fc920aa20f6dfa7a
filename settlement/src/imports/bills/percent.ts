import { type Decimal, decimalOf, format } from '../../costs/decimal.ts'

/** `part` in hundredths of `whole`, to two decimals, halves away from zero. @returns `undefined` of nothing */
export function percentOf(part: Decimal, whole: Decimal): string | undefined {
  if (whole.units === 0n) return undefined
  const scale = Math.max(part.scale, whole.scale)
  const top = part.units * 10n ** BigInt(scale - part.scale) * 10_000n
  const bottom = whole.units * 10n ** BigInt(scale - whole.scale)
  const size = (2n * magnitude(top) + magnitude(bottom)) / (2n * magnitude(bottom))
  return format(decimalOf(top < 0n === bottom < 0n ? size : -size, 2))
}

const magnitude = (value: bigint): bigint => (value < 0n ? -value : value)
