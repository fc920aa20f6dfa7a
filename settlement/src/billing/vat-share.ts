/** Cents that were paid, and the VAT within them. */
export interface Gross {
  readonly cents: bigint
  readonly vatCents: bigint
}

/**
 * The VAT within a part of a payment that goes back, after other parts went back already. Rounded down over all parts
 * together: when all has gone back, so has all VAT, in however many parts, and never more.
 */
export function vatShare(payment: Gross, already: Gross, cents: bigint): bigint {
  const due = (payment.vatCents * (already.cents + cents)) / payment.cents - already.vatCents
  const most = payment.vatCents - already.vatCents
  const share = due < 0n ? 0n : due
  return [share, most, cents].reduce((a, b) => (a < b ? a : b))
}
