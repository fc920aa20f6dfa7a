import { CENT, type Explanation } from '../ledger/explanation.ts'
import { BANK_TYPES, FEE_TYPES, sqlList } from './movement-key.ts'

const BOOKED = 'from stripe_movement where booked_at is not null'

export const MOVEMENTS_EXPLAINED: readonly Explanation[] = [
  {
    kind: 'stripe_clearing',
    select: `select 'platform' as owner, -net_cents * ${CENT} as amount ${BOOKED}`,
  },
  {
    kind: 'bank',
    select: `select 'platform' as owner, net_cents * ${CENT} as amount ${BOOKED} and type in (${sqlList(BANK_TYPES)})`,
  },
  {
    kind: 'stripe_fees',
    select: `select 'platform' as owner, net_cents * ${CENT} as amount ${BOOKED} and type in (${sqlList(FEE_TYPES)})`,
  },
]
