import { CENT, type Explanation } from '../ledger/explanation.ts'

const REVERSED = `from payout_reversal r join payout p on p.id = r.payout where r.state = 'done'`

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
  {
    kind: 'payable',
    select: `select p.provider as owner, r.cents * ${CENT} as amount ${REVERSED}`,
  },
  {
    kind: 'stripe_clearing',
    select: `select 'platform' as owner, -r.cents * ${CENT} as amount ${REVERSED}`,
  },
]
