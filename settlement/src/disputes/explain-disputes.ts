import { CENT, type Explanation } from '../ledger/explanation.ts'

const MOVED = 'from dispute_movement'

export const DISPUTES_EXPLAINED: readonly Explanation[] = [
  { kind: 'available', select: `select organization as owner, -available as amount ${MOVED}` },
  { kind: 'debt', select: `select organization as owner, -debt as amount ${MOVED}` },
  // What was taken and from whom is two records: here the state that Stripe told, there each movement towards it.
  {
    kind: 'stripe_clearing',
    select: `select 'platform' as owner, (withdrawn_cents + fee_cents) * ${CENT} as amount from dispute`,
  },
  {
    kind: 'vat',
    select: `select 'platform' as owner, -vat_cents * ${CENT} as amount from dispute`,
  },
]
