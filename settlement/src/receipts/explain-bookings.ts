import type { Explanation } from '../ledger/explanation.ts'

export const BOOKINGS_EXPLAINED: readonly Explanation[] = [
  {
    kind: 'payable',
    select: `select provider as owner, amount - fee as amount from settled_session`,
  },
  { kind: 'revenue', select: `select 'platform' as owner, fee as amount from settled_session` },
]
