import { ADJUSTMENTS_EXPLAINED } from '../adjustments/explain-adjustments.ts'
import { HOLDS_EXPLAINED } from '../authorizations/explain-holds.ts'
import { DEBTS_EXPLAINED } from '../billing/explain-debts.ts'
import { DISPUTES_EXPLAINED } from '../disputes/explain-disputes.ts'
import { EARNINGS_EXPLAINED } from '../earnings/explain-earnings.ts'
import { PAYOUTS_EXPLAINED } from '../payouts/explain-payouts.ts'
import { TRIALS_EXPLAINED } from '../people/explain-trials.ts'
import { PLANS_EXPLAINED } from '../plans/explain-plans.ts'
import { BOOKINGS_EXPLAINED } from '../receipts/explain-bookings.ts'
import { MOVEMENTS_EXPLAINED } from '../reconciliation/explain-movements.ts'
import { REFUNDS_EXPLAINED } from '../refunds/explain-refunds.ts'
import { SERVICE_CREDITS_EXPLAINED } from '../service-levels/explain-credits.ts'
import { TOP_UPS_EXPLAINED } from '../top-ups/explain-top-ups.ts'
import type { Explanation } from './explanation.ts'

/** Everything that posts to the ledger is told here a second time, out of its own records. */
export const EXPLANATIONS: readonly Explanation[] = [
  ...TOP_UPS_EXPLAINED,
  ...REFUNDS_EXPLAINED,
  ...DISPUTES_EXPLAINED,
  ...DEBTS_EXPLAINED,
  ...PLANS_EXPLAINED,
  ...HOLDS_EXPLAINED,
  ...BOOKINGS_EXPLAINED,
  ...PAYOUTS_EXPLAINED,
  ...EARNINGS_EXPLAINED,
  ...ADJUSTMENTS_EXPLAINED,
  ...MOVEMENTS_EXPLAINED,
  ...TRIALS_EXPLAINED,
  ...SERVICE_CREDITS_EXPLAINED,
]
