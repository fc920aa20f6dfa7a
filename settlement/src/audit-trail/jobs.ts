import type { Job } from '../jobs/job.ts'
import { runPackages } from './run-packages.ts'

const SECOND_MS = 1_000
const HOUR_MS = 3_600 * SECOND_MS

export const AUDIT_JOBS: readonly Job[] = [
  {
    name: 'audit-packages',
    purpose: 'make the evidence packages that somebody has asked for',
    schedule: { everyMs: 10 * SECOND_MS },
    audited: true,
    work: runPackages,
  },
  {
    name: 'audit-packages-retention',
    purpose: 'remove evidence packages that were there to be fetched for a week',
    schedule: { everyMs: HOUR_MS },
    audited: true,
    work: async ({ store, now }) => ({ removed: await store.forgetAuditPackages(now()) }),
  },
]
