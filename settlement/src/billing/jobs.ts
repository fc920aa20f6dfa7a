import type { SettlementContext } from '../context.ts'
import { refreshDisputes } from '../disputes/dispute.ts'
import type { Job } from '../jobs/job.ts'
import { settlePlans } from '../plans/subscribe.ts'
import { settleRefunds } from '../refunds/refund.ts'
import { pollStripeEvents } from '../stripe-events/poll-events.ts'
import { automaticTopUps } from '../top-ups/automatic-top-up.ts'
import { settleTopUps } from '../top-ups/settle-top-ups.ts'
import { oneByOne } from './one-by-one.ts'
import { syncCustomers } from './profile.ts'

const MINUTE_MS = 60_000

export const BILLING_JOBS: readonly Job[] = [
  {
    name: 'stripe-events',
    purpose: 'take the events of Stripe that no webhook brought',
    schedule: { everyMs: MINUTE_MS },
    work: (context, signal) => pollStripeEvents(context, signal),
  },
  {
    name: 'automatic-top-ups',
    purpose: 'fill up the balances that fell below their organizations’ thresholds',
    schedule: { everyMs: MINUTE_MS },
    work: async (context, signal) => ({ charged: await automaticTopUps(context, signal) }),
  },
  {
    name: 'payments',
    purpose: 'ask Stripe about top-ups, refunds, plans and customers whose answers were lost',
    schedule: { everyMs: 5 * MINUTE_MS },
    work: settlePayments,
  },
  {
    name: 'disputes',
    purpose: 'look at every card dispute of the last months again',
    schedule: { cron: '23 3 * * *' },
    work: async (context) => ({ seen: await refreshDisputes(context) }),
  },
]

const SETTLERS = {
  topUps: settleTopUps,
  refunds: settleRefunds,
  plans: settlePlans,
  customers: syncCustomers,
}

/** A fault with some is no reason to leave the others waiting. @throws the first fault, once all were looked at */
async function settlePayments(context: SettlementContext): Promise<Record<string, number>> {
  const settled: Record<string, number> = {}
  await oneByOne(Object.entries(SETTLERS), async ([what, settle]) => {
    settled[what] = await settle(context)
  })
  return settled
}
