import type { Explanation } from '../ledger/explanation.ts'

export const DEBTS_EXPLAINED: readonly Explanation[] = [
  {
    kind: 'available',
    select: `select organization as owner, -amount as amount from debt_recovery`,
  },
  { kind: 'debt', select: `select organization as owner, amount from debt_recovery` },
]
