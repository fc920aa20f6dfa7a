/** What Stripe keeps, in cents and basis points. */
export interface StripePrices {
  readonly cardBps: number
  readonly cardCents: number
  readonly bankDebitCents: number
  readonly disputeCents: number
}

// stripe.com/pricing for the EEA: 1.5 % and 0.25 EUR a card, 0.35 EUR a SEPA debit, 20 EUR a dispute.
export const stripePrices: StripePrices = {
  cardBps: 150,
  cardCents: 25,
  bankDebitCents: 35,
  disputeCents: 2_000,
}

/** Rounded half up. */
export function cardFee(prices: StripePrices, amount: number): number {
  return Math.floor((amount * prices.cardBps + 5_000) / 10_000) + prices.cardCents
}
