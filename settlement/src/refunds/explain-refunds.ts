import { CENT, type Explanation } from '../ledger/explanation.ts'

const NET = `(cents - vat_cents) * ${CENT}`
/** Stripe has it, and it has not come back. */
const DONE = `from refund where state in ('submitted', 'succeeded')`
/** Set aside until Stripe answers. */
const REQUESTED = `from refund where state = 'requested'`

export const REFUNDS_EXPLAINED: readonly Explanation[] = [
  {
    kind: 'available',
    select: `select organization as owner, lost - ${NET} as amount ${DONE}
      union all select organization, -${NET} ${REQUESTED}`,
  },
  { kind: 'held', select: `select organization as owner, ${NET} as amount ${REQUESTED}` },
  { kind: 'losses', select: `select 'platform' as owner, -lost as amount ${DONE}` },
  { kind: 'vat', select: `select 'platform' as owner, -vat_cents * ${CENT} as amount ${DONE}` },
  {
    kind: 'stripe_clearing',
    select: `select 'platform' as owner, cents * ${CENT} as amount ${DONE}`,
  },
]
