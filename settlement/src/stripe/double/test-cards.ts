// docs.stripe.com/testing: the tokens of Stripe's own test cards.
export type TestCard =
  | { readonly outcome: 'succeeds'; readonly available: 'later' | 'at once' }
  | { readonly outcome: 'declines'; readonly code: string; readonly declineCode?: string }

export const testCards: ReadonlyMap<string, TestCard> = new Map<string, TestCard>([
  ['pm_card_visa', { outcome: 'succeeds', available: 'later' }],
  ['pm_card_mastercard', { outcome: 'succeeds', available: 'later' }],
  ['pm_card_bypassPending', { outcome: 'succeeds', available: 'at once' }],
  [
    'pm_card_chargeDeclined',
    { outcome: 'declines', code: 'card_declined', declineCode: 'generic_decline' },
  ],
  [
    'pm_card_chargeDeclinedInsufficientFunds',
    { outcome: 'declines', code: 'card_declined', declineCode: 'insufficient_funds' },
  ],
  ['pm_card_chargeDeclinedExpiredCard', { outcome: 'declines', code: 'expired_card' }],
  ['pm_card_authenticationRequired', { outcome: 'declines', code: 'authentication_required' }],
])

/** Seconds until a card's money is available: Stripe's is two or three business days. */
export const cardPendingS = 2 * 86_400

/** Stripe's price for an EEA card, 1.5 % and 0.25 EUR (stripe.com/pricing), rounded half up. */
export function cardFee(amount: number): number {
  return Math.floor((amount * 15 + 500) / 1_000) + 25
}
