import type { Explanation } from '../ledger/explanation.ts'

export const EARNINGS_EXPLAINED: readonly Explanation[] = [
  {
    kind: 'payable',
    select: `select provider as owner, -amount as amount from held_earnings where released_at is null`,
  },
  {
    kind: 'held_back',
    select: `select provider as owner, amount from held_earnings where released_at is null`,
  },
  {
    kind: 'payable',
    select: `select provider as owner, -amount as amount from provider_debt_recovery`,
  },
  { kind: 'debt', select: `select provider as owner, amount from provider_debt_recovery` },
]
