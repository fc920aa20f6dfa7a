import type { Job } from '../jobs/job.ts'
import { runExports } from './run-exports.ts'

const MINUTE_MS = 60_000

export const EXPORT_JOBS: readonly Job[] = [
  {
    name: 'exports',
    purpose: 'make the files of schedules whose period is over, and deliver them',
    schedule: { everyMs: MINUTE_MS },
    timeoutMs: 30 * MINUTE_MS,
    work: (context, signal) =>
      runExports(context, { signal, outpost: context.outpost ?? { privateNetworks: false } }),
  },
  {
    name: 'exports-retention',
    purpose: 'forget files of exports that were kept long enough',
    schedule: { cron: '11 3 * * *' },
    work: async ({ store, now }) => ({ forgotten: await store.forgetExports(now()) }),
  },
]
