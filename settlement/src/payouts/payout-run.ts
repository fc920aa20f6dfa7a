import type { SettlementContext } from '../context.ts'
import { PaymentsError } from '../stripe/index.ts'
import type { PayoutRow } from './payout-store.ts'

export interface PayoutRun {
  /** Every payout that this run worked on, as it is now. */
  readonly payouts: readonly PayoutRow[]
}

/** Payouts worked on in one run: with Stripe's 25 requests a second, the better part of a minute. */
const PAYOUTS_MAX = 1000

/**
 * Gathers what is due and takes every open payout as far as it goes. Safe to run twice, at once, and after a crash at any
 * point: states move by compare-and-swap, one process at a time asks, and Stripe is asked under the payout's own id.
 */
export async function runPayouts(context: SettlementContext): Promise<PayoutRun> {
  const { store, terms, now } = context
  await store.gatherPayouts(terms.payoutMinimumCents, now())
  const payouts: PayoutRow[] = []
  for (const open of await store.openPayouts(PAYOUTS_MAX)) {
    payouts.push(await advance(context, open))
  }
  return { payouts }
}

/** Longer than Stripe's client tries: three times 30 s. A process that died holds its payouts no longer than this. */
const LEASE_MS = 120_000

async function advance(context: SettlementContext, row: PayoutRow): Promise<PayoutRow> {
  const { store, now } = context
  if (!(await store.leasePayout(row, now() + LEASE_MS, now()))) return row
  try {
    const transfer = await transferOnce(context, row)
    await store.completePayout(row.id, transfer, now())
    return { ...row, state: 'paid', transfer }
  } catch (error) {
    // No answer is not a no: the money may have moved. The next run asks again under the same id.
    if (!(error instanceof PaymentsError) || error.retryable) await store.returnPayout(row.id)
    if (!(error instanceof PaymentsError)) throw error
    if (error.retryable) return { ...row, state: 'submitted' }
    await store.failPayout(row.id, error.code, now())
    return { ...row, state: 'failed', failure: error.code }
  }
}

async function transferOnce({ payments }: SettlementContext, row: PayoutRow): Promise<string> {
  const request = { operation: row.id, transferGroup: row.id }
  // Stripe forgets idempotency keys after a day: what was asked before is looked up first.
  const before = row.state === 'submitted' ? await payments.findTransfer(request) : undefined
  if (before !== undefined) return before.transfer
  const { transfer } = await payments.transfer({
    ...request,
    account: row.account,
    cents: row.cents,
  })
  return transfer
}
