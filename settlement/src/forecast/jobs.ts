import { allPages } from '../billing/one-by-one.ts'
import type { SettlementContext } from '../context.ts'
import type { Job } from '../jobs/job.ts'
import { DAY_MS } from './daily-series.ts'
import { spendForecast } from './spend-forecast.ts'
import { watchSpend } from './watch-spend.ts'

/** Who has spent nothing for four weeks is not forecast until somebody asks. */
const ACTIVE_MS = 28 * DAY_MS

export const FORECAST_JOBS: readonly Job[] = [
  {
    name: 'forecasts',
    purpose: 'forecast the spend of every organization before anybody asks',
    schedule: { cron: '25 0 * * *' },
    timeoutMs: 60 * 60_000,
    work: async (context, signal) => ({
      made: await each(context, signal, async (organization) => {
        await spendForecast(context, organization, signal)
        return 1
      }),
    }),
  },
  {
    name: 'anomalies',
    purpose:
      'compare what organizations spend with what was expected, and tell them when it is unlike it',
    schedule: { cron: '12,42 * * * *' },
    timeoutMs: 30 * 60_000,
    work: async (context, signal) => ({
      found: await each(context, signal, (organization) => watchSpend(context, organization)),
    }),
  },
]

/** @returns the sum of what `work` returned */
async function each(
  context: SettlementContext,
  signal: AbortSignal,
  work: (organization: string) => Promise<number>,
): Promise<number> {
  const { store, now } = context
  const since = now() - ACTIVE_MS
  let sum = 0
  const all = allPages(
    (after, limit) => store.spendingOrganizations(since, after, limit),
    (organization) => organization,
  )
  for await (const organization of all) {
    if (signal.aborted) break
    sum += await work(organization)
  }
  return sum
}
