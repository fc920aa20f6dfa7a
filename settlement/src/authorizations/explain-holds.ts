import type { Explanation } from '../ledger/explanation.ts'

export const HOLDS_EXPLAINED: readonly Explanation[] = [
  {
    kind: 'available',
    select: `select organization as owner, released - amount_limit as amount from spend_authorization`,
  },
  {
    kind: 'held',
    select: `select organization as owner, amount_limit - spent - released as amount from spend_authorization`,
  },
]
