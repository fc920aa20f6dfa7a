import type { BalanceMovement } from '../stripe/index.ts'

/** Movements of a payment: what came in, and what of it bounced before anybody asked for a refund. */
const OF_PAYMENT = new Set(['charge', 'payment', 'payment_failure_refund', 'payment_reversal'])

/**
 * What a movement belongs to, by which its posting is found: for a payment the PaymentIntent, under which it is booked, else
 * the object that moved the money (refund, dispute, transfer, reversal, payout), else the movement itself.
 */
export function movementKey({ id, type, source, paymentIntent }: BalanceMovement): string {
  if (OF_PAYMENT.has(type) && paymentIntent !== undefined) return paymentIntent
  return source ?? id
}

/** Between Stripe and the platform's bank account. */
export const BANK_TYPES = ['payout', 'payout_failure', 'payout_cancel', 'topup', 'topup_reversal']
/** What Stripe takes by itself, not for one payment. */
export const FEE_TYPES = ['stripe_fee', 'stripe_fx_fee', 'tax_fee']
/** Money that Stripe sets aside within our balance and gives back. */
export const RESERVE_TYPES = [
  'connect_reserved_funds',
  'reserve_hold',
  'reserve_release',
  'reserve_transaction',
  'reserved_funds',
  'payout_minimum_balance_hold',
  'payout_minimum_balance_release',
]

/** Types as an SQL list. They are our own words, not input. */
export const sqlList = (types: readonly string[]): string =>
  types.map((type) => `'${type}'`).join(', ')
