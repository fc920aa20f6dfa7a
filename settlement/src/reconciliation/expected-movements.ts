/**
 * What our books say must have moved at Stripe: each cause by its own records, as rows of (key, cents, at). The key is that
 * of `movementKey`; cents are what the platform's balance gained, after fees.
 */
export const EXPECTED_MOVEMENTS: readonly string[] = [
  `select payment_intent as key, cents - coalesce(fee_cents, 0) as cents, credited_at as at
    from top_up where state = 'succeeded'`,
  `select payment_intent as key, cents - coalesce(fee_cents, 0) as cents, paid_at as at
    from subscription_invoice where payment_intent is not null`,
  `select refund as key, -cents as cents, updated_at as at from refund where state in ('submitted', 'succeeded')`,
  `select id as key, -(withdrawn_cents + fee_cents) as cents, updated_at as at from dispute`,
  `select transfer as key, -cents as cents, coalesce(settled_at, updated_at) as at from payout where state = 'paid'`,
  `select reversal as key, cents, settled_at as at from payout_reversal where state = 'done'`,
  // Money between Stripe and the bank, and Stripe's own fees, are booked by what Stripe says of them.
  `select key, net_cents as cents, created_at as at from stripe_movement where booked_at is not null`,
  `select coalesce(movement, id) as key, -(amount / 10000000000) as cents, decided_at as at
    from adjustment where state = 'posted' and credit = 'stripe_clearing/platform'`,
  `select coalesce(movement, id) as key, amount / 10000000000 as cents, decided_at as at
    from adjustment where state = 'posted' and debit = 'stripe_clearing/platform'`,
]

/**
 * Rows of our own whose answer has not come: a movement that names one of them is on its way into the books. By our id, which
 * Stripe carries as the operation.
 */
export const OPEN_OPERATIONS: readonly string[] = [
  `select id from payout where state in ('pending', 'submitted')`,
  `select id from payout_reversal where state = 'submitted'`,
  `select id from refund where state = 'requested'`,
  `select id from top_up where state = 'pending'`,
]

/** Payments whose fee Stripe has not told us yet. */
export const WITHOUT_FEE: readonly string[] = [
  `select payment_intent as key from top_up where state = 'succeeded' and fee_cents is null`,
  `select payment_intent as key from subscription_invoice where fee_cents is null and payment_intent is not null`,
]
