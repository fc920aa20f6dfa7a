/** An amount with or without VAT, whole cents. */
export type TaxableAmount = { readonly grossCents: bigint } | { readonly netCents: bigint }

export interface SplitAmount {
  readonly netCents: bigint
  readonly vatCents: bigint
  readonly grossCents: bigint
}

const WHOLE_BPS = 10_000n

/**
 * Net and VAT of a document's total, rounded once, half up; what was given stays as it is, and the two always add up.
 *
 * @throws {RangeError} when the amount or the rate is negative
 */
export function splitAmount(amount: TaxableAmount, rateBps: number): SplitAmount {
  const rate = BigInt(rateBps)
  const given = 'grossCents' in amount ? amount.grossCents : amount.netCents
  if (given < 0n || rate < 0n) throw new RangeError(`cannot be taxed: ${given} at ${rate}`)
  if ('grossCents' in amount) {
    const vatCents = divideHalfUp(given * rate, WHOLE_BPS + rate)
    return { netCents: given - vatCents, vatCents, grossCents: given }
  }
  const vatCents = divideHalfUp(given * rate, WHOLE_BPS)
  return { netCents: given, vatCents, grossCents: given + vatCents }
}

const divideHalfUp = (dividend: bigint, divisor: bigint): bigint =>
  (2n * dividend + divisor) / (2n * divisor)
