import type { SettlementContext } from '../context.ts'
import { SYSTEM } from '../operators/operator.ts'
import { executePayouts } from './execute-payouts.ts'
import { type Pacer, TRANSFER_PACER } from './pacer.ts'
import type { PayoutRunRow } from './payout-run-row.ts'
import type { PayoutRow } from './payout-store.ts'
import { resumeReversals } from './reverse-payout.ts'

export interface PayoutRun {
  /** What was gathered, as it is now; null when nobody was owed enough. */
  readonly run: PayoutRunRow | null
  /** Every payout that this call worked on, as it is now: of this run and of those before that were not done. */
  readonly payouts: readonly PayoutRow[]
}

export interface RunOptions {
  /** Id of the operator who asks. */
  readonly by?: string
  readonly pacer?: Pacer
  /** Ends after the payouts that are under way; the rest is for the next call. */
  readonly signal?: AbortSignal
}

/**
 * Gathers what is due, and takes every open payout of an approved run as far as it goes. Safe to run twice, at once, and
 * after a crash at any point: states move by compare-and-swap, one process at a time asks, and Stripe is asked under the
 * payout's own id.
 */
export async function runPayouts(
  context: SettlementContext,
  options: RunOptions = {},
): Promise<PayoutRun> {
  const { store, terms, now, euAudit } = context
  const gathered = await store.gatherPayouts({
    minimumCents: terms.payoutMinimumCents,
    approvalCents: terms.payoutApprovalCents,
    holdBack: terms.holdBack,
    tradersOnly: euAudit,
    by: options.by ?? SYSTEM.id,
    at: now(),
  })
  const payouts = await continuePayouts(context, options)
  const run = gathered === undefined ? null : ((await store.payoutRun(gathered.id)) ?? gathered)
  return { run, payouts }
}

/** Goes on with what is approved and not done, without gathering anything. A fault of a payout stops no reversal. */
export async function continuePayouts(
  context: SettlementContext,
  { pacer = TRANSFER_PACER, signal }: RunOptions = {},
): Promise<PayoutRow[]> {
  await context.store.beginPayoutRuns()
  try {
    return await executePayouts(context, pacer, signal)
  } finally {
    await context.store.settlePayoutRuns(context.now())
    await resumeReversals(context, pacer, signal)
  }
}
