/** Cents that were paid, and the VAT within them. */
export interface Gross {
  readonly cents: bigint
  readonly vatCents: bigint
}

/**
 * The VAT within a part of a payment that goes back, after other parts went back already. Rounded down over all parts
 * together: when all has gone back, so has all VAT, in however many parts, and never more.
 *
 * Where more than all has gone back, the news that one of the parts has come back is late. What is left of the VAT is
 * then all that can go with it: the tax account is never drawn on for tax that another payment carried.
 */
export function vatShare(payment: Gross, already: Gross, cents: bigint): bigint {
  const due = (payment.vatCents * (already.cents + cents)) / payment.cents - already.vatCents
  const own = (payment.vatCents * cents) / payment.cents
  const left = payment.vatCents - already.vatCents
  const share = already.cents + cents > payment.cents ? own : due
  const most = left < cents ? left : cents
  return share < 0n ? 0n : share < most ? share : most
}
