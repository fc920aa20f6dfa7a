import type { Explanation } from '../ledger/explanation.ts'

export const TRIALS_EXPLAINED: readonly Explanation[] = [
  { kind: 'available', select: 'select organization as owner, amount from trial_grant' },
  { kind: 'promotions', select: `select 'platform' as owner, -amount as amount from trial_grant` },
]
