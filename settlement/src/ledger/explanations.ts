import { HOLDS_EXPLAINED } from '../authorizations/explain-holds.ts'
import { PAYOUTS_EXPLAINED } from '../payouts/explain-payouts.ts'
import { BOOKINGS_EXPLAINED } from '../receipts/explain-bookings.ts'
import { TOP_UPS_EXPLAINED } from '../top-ups/explain-top-ups.ts'
import type { Explanation } from './explanation.ts'

/** Everything that posts to the ledger is told here a second time, out of its own records. */
export const EXPLANATIONS: readonly Explanation[] = [
  ...TOP_UPS_EXPLAINED,
  ...HOLDS_EXPLAINED,
  ...BOOKINGS_EXPLAINED,
  ...PAYOUTS_EXPLAINED,
]
