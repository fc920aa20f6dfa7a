import type { SettlementContext } from '../context.ts'
import type { Job } from '../jobs/job.ts'
import { judgeDueMonths } from './judge-month.ts'

const EVERY_MS = 30_000

export const SERVICE_LEVEL_JOBS: readonly Job[] = [
  {
    name: 'service-measurement',
    purpose: 'count how sessions went, by provider, organization, model and hour',
    schedule: { everyMs: EVERY_MS },
    work: async (context, signal) => ({ receipts: await measureAll(context, signal) }),
  },
  {
    name: 'service-levels',
    purpose: 'judge the months that are over by what was promised, and credit what was missed',
    schedule: { cron: '35 4 * * *' },
    timeoutMs: 60 * 60_000,
    work: async (context, signal) => {
      await measureAll(context, signal)
      return judgeDueMonths(context, signal)
    },
  },
]

/** @returns how many receipts were new */
export async function measureAll(
  { store }: Pick<SettlementContext, 'store'>,
  signal?: AbortSignal,
): Promise<number> {
  let receipts = 0
  for (let more = true; more && signal?.aborted !== true; ) {
    const measured = await store.measureServices()
    receipts += measured.receipts
    more = measured.more
  }
  return receipts
}
