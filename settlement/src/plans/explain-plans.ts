import { CENT, type Explanation } from '../ledger/explanation.ts'

const NET = '(cents - vat_cents)'
const PAID = 'from subscription_invoice'

export const PLANS_EXPLAINED: readonly Explanation[] = [
  {
    kind: 'available',
    select: `select organization as owner, credit_cents * ${CENT} as amount ${PAID}`,
  },
  {
    kind: 'revenue',
    select: `select 'platform' as owner, (${NET} - least(${NET}, credit_cents)) * ${CENT} as amount ${PAID}`,
  },
  {
    kind: 'promotions',
    select: `select 'platform' as owner, (least(${NET}, credit_cents) - credit_cents) * ${CENT} as amount ${PAID}`,
  },
  { kind: 'vat', select: `select 'platform' as owner, vat_cents * ${CENT} as amount ${PAID}` },
  {
    kind: 'stripe_clearing',
    select: `select 'platform' as owner, (coalesce(fee_cents, 0) - cents) * ${CENT} as amount ${PAID}`,
  },
  {
    kind: 'stripe_fees',
    select: `select 'platform' as owner, -coalesce(fee_cents, 0) * ${CENT} as amount ${PAID}`,
  },
]
