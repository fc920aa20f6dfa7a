import { SettlementError } from '../errors.ts'
import { type Decimal, multiply, ONE } from './decimal.ts'

/** One unit of `from` is `rate` units of `to`, from this day on, until the next rate of the pair. */
export interface ExchangeRate {
  readonly from: string
  readonly to: string
  /** Such as `2026-10-01`. */
  readonly date: string
  readonly rate: Decimal
}

/**
 * Converts at the newest rate of the day or before. Only in the direction that is quoted: turning a rate around would
 * round it.
 *
 * @throws {SettlementError} HANSE_EXCHANGE_RATE_UNKNOWN
 */
export function convert(
  amount: Decimal,
  { from, to, date }: { readonly from: string; readonly to: string; readonly date: string },
  rates: readonly ExchangeRate[],
): Decimal {
  return multiply(amount, from === to ? ONE : rateOf(rates, { from, to, date }))
}

function rateOf(
  rates: readonly ExchangeRate[],
  wanted: { readonly from: string; readonly to: string; readonly date: string },
): Decimal {
  const { from, to, date } = wanted
  const known = rates.filter((rate) => rate.from === from && rate.to === to && rate.date <= date)
  const newest = known.toSorted((a, b) => (a.date < b.date ? -1 : 1)).at(-1)
  if (newest !== undefined) return newest.rate
  throw new SettlementError(
    'HANSE_EXCHANGE_RATE_UNKNOWN',
    `there is no rate from ${from} to ${to} for ${date}`,
  )
}
