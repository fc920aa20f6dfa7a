/** Cents that were paid, and the VAT within them. */
export interface Gross {
  readonly cents: bigint
  readonly vatCents: bigint
}

/**
 * The VAT within a part of a payment that goes back, after other parts went back already. Rounded down over all parts
 * together: when all has gone back, so has all VAT, in however many parts, and never more.
 *
 * Where more than all has gone back, the news that one of the parts has come back is late: then a part is taken by
 * itself, so that what is right in the end does not hang on the order of the news.
 */
export function vatShare(payment: Gross, already: Gross, cents: bigint): bigint {
  const gone = already.cents + cents
  if (gone > payment.cents) return (payment.vatCents * cents) / payment.cents
  const due = (payment.vatCents * gone) / payment.cents - already.vatCents
  const most = payment.vatCents - already.vatCents
  const share = due < 0n ? 0n : due
  return [share, most, cents].reduce((a, b) => (a < b ? a : b))
}
