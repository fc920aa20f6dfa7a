import { continuePayouts, runPayouts } from '../payouts/payout-run.ts'
import { PAYOUT_RUN_CRON } from '../payouts/payout-schedule.ts'
import { reconcile } from '../reconciliation/reconcile.ts'
import type { Job } from './job.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

export const PROVIDER_MONEY_JOBS: readonly Job[] = [
  {
    name: 'payout-run',
    purpose: 'gather what providers are due and pay it, unless a run waits for approval',
    schedule: { cron: PAYOUT_RUN_CRON },
    // 10,000 payouts at 20 a second, with room for a slow day at Stripe.
    timeoutMs: HOUR_MS,
    work: async (context, signal) => {
      const { run, payouts } = await runPayouts(context, { signal })
      return { run: run?.id ?? null, state: run?.state ?? null, payouts: payouts.length }
    },
  },
  {
    name: 'payouts',
    purpose: 'go on with payouts and reversals whose answer is open',
    schedule: { everyMs: 5 * MINUTE_MS },
    timeoutMs: HOUR_MS,
    work: async (context, signal) => ({
      payouts: (await continuePayouts(context, { signal })).length,
    }),
  },
  {
    name: 'earnings',
    purpose: 'hold back what the schedule says and free what waited long enough',
    schedule: { everyMs: HOUR_MS },
    work: ({ store, terms, now }) => store.settleEarnings(terms.holdBack, now()),
  },
  {
    name: 'adjustments',
    purpose: 'let proposed adjustments expire that nobody decided on',
    schedule: { everyMs: HOUR_MS },
    work: async ({ store, now }) => ({ expired: await store.expireAdjustments(now()) }),
  },
  {
    name: 'reconciliation',
    purpose: 'compare receipts, ledger and Stripe',
    schedule: { cron: '45 4 * * *' },
    timeoutMs: HOUR_MS,
    work: async (context) => {
      const { id, movements, open, explained } = await reconcile(context)
      return { id, movements, open, explained }
    },
  },
]
