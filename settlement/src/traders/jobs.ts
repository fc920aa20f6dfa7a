import type { Job } from '../jobs/job.ts'
import { settleTrader } from './settle-trader.ts'

const PAGE = 200

export const TRADER_JOBS: readonly Job[] = [
  {
    name: 'traders',
    purpose: 'ask new providers who they are, and stop paying those who have not said so in time',
    // Before the run of payouts.
    schedule: { cron: '13 * * * *' },
    audited: true,
    work: async (context, signal) => {
      const { store, now } = context
      const asked = await store.askTraders(now())
      let suspended = 0
      for (let after = ''; !signal.aborted; ) {
        const page = await store.askedTraders({ after, limit: PAGE })
        for (const { provider } of page) if (await settleTrader(context, provider)) suspended++
        const last = page.at(-1)
        if (last === undefined || page.length < PAGE) break
        after = last.provider
      }
      return { asked, suspended }
    },
  },
]
