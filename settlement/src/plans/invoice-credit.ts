import type { PlanVersion } from './catalogue.ts'

/** A line of a paid invoice: what it charges before tax, and for which plan. */
export interface PlanLine {
  readonly cents: bigint
  readonly plan: PlanVersion | undefined
}

/**
 * The value of included tokens that an invoice pays for: as much of each plan's as was paid of its price. So a part of a
 * period, or the difference between two plans, gives its part; what was taken back in exchange for another plan counts
 * against it, and nobody gains by going back and forth.
 */
export function invoiceCredit(lines: readonly PlanLine[]): bigint {
  const credit = lines.reduce((sum, { cents, plan }) => {
    if (plan === undefined) return sum
    return sum + floorDivide(cents * plan.creditCents, plan.cents)
  }, 0n)
  return credit > 0n ? credit : 0n
}

/** Towards less, for what is taken back too. */
function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor
  return dividend < 0n && quotient * divisor !== dividend ? quotient - 1n : quotient
}
