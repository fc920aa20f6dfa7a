import { CENT, type Explanation } from '../ledger/explanation.ts'

export const PAYOUTS_EXPLAINED: readonly Explanation[] = [
  {
    kind: 'payable',
    select: `select provider as owner, -cents * ${CENT} as amount from payout where state <> 'failed'`,
  },
  {
    kind: 'payout_in_transit',
    select: `select provider as owner, cents * ${CENT} as amount from payout where state in ('pending', 'submitted')`,
  },
  {
    kind: 'stripe_clearing',
    select: `select 'platform' as owner, cents * ${CENT} as amount from payout where state = 'paid'`,
  },
]
