import { CENT, type Explanation } from '../ledger/explanation.ts'

const SUCCEEDED = `from top_up where state = 'succeeded'`

export const TOP_UPS_EXPLAINED: readonly Explanation[] = [
  {
    kind: 'available',
    select: `select organization as owner, (cents - vat_cents) * ${CENT} as amount ${SUCCEEDED}`,
  },
  {
    kind: 'vat',
    select: `select 'platform' as owner, vat_cents * ${CENT} as amount ${SUCCEEDED}`,
  },
  {
    kind: 'stripe_clearing',
    select: `select 'platform' as owner, (coalesce(fee_cents, 0) - cents) * ${CENT} as amount ${SUCCEEDED}`,
  },
  {
    kind: 'stripe_fees',
    select: `select 'platform' as owner, -coalesce(fee_cents, 0) * ${CENT} as amount ${SUCCEEDED}`,
  },
]
