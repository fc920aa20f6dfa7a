import type { Explanation } from '../ledger/explanation.ts'

const POSTED = `from service_credit where state = 'posted'`

export const SERVICE_CREDITS_EXPLAINED: readonly Explanation[] = [
  { kind: 'available', select: `select organization as owner, amount ${POSTED}` },
  { kind: 'promotions', select: `select 'platform' as owner, -amount as amount ${POSTED}` },
]
