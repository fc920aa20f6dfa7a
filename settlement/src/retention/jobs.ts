import type { Job } from '../jobs/job.ts'
import { SYSTEM } from '../operators/operator.ts'
import { runRetention } from './run-retention.ts'

export const RETENTION_JOBS: readonly Job[] = [
  {
    name: 'retention',
    purpose: 'remove what is older than its period and held by nothing',
    schedule: { cron: '19 3 * * *' },
    timeoutMs: 3_600_000,
    audited: true,
    work: async (context, signal) => {
      const report = await runRetention(context, { by: SYSTEM.id, signal })
      return Object.fromEntries(
        report
          .filter(({ removed, due }) => removed + due > 0)
          .map(({ table, removed, due }) => [table, { removed, left: due }]),
      )
    },
  },
]
