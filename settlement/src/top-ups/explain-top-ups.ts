import { CENT, type Explanation } from '../ledger/explanation.ts'

const SUCCEEDED = `from top_up where state = 'succeeded'`

export const TOP_UPS_EXPLAINED: readonly Explanation[] = [
  {
    kind: 'available',
    select: `select organization as owner, cents * ${CENT} as amount ${SUCCEEDED}`,
  },
  {
    kind: 'stripe_clearing',
    select: `select 'platform' as owner, -cents * ${CENT} as amount ${SUCCEEDED}`,
  },
]
