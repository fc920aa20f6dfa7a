import { ACCESS_JOBS } from '../access/jobs.ts'
import { ATTESTATION_JOBS } from '../attestations/jobs.ts'
import { AUDIT_JOBS } from '../audit-trail/jobs.ts'
import { releaseExpired } from '../authorizations/release-expired.ts'
import { BILLING_JOBS } from '../billing/jobs.ts'
import { BREACH_JOBS } from '../breaches/jobs.ts'
import { BUDGET_JOBS } from '../budgets/watch-budgets.ts'
import type { SettlementContext } from '../context.ts'
import { COST_JOBS } from '../costs/jobs.ts'
import { DOCUMENT_JOBS } from '../documents/jobs.ts'
import { EXPORT_JOBS } from '../exports/jobs.ts'
import { FORECAST_JOBS } from '../forecast/jobs.ts'
import { NOTIFICATION_JOBS } from '../notifications/jobs.ts'
import { PEOPLE_JOBS } from '../people/jobs.ts'
import { RETENTION_JOBS } from '../retention/jobs.ts'
import { keepUsage } from '../retention/keep-usage.ts'
import { RIGHTS_JOBS } from '../rights/jobs.ts'
import { SERVICE_LEVEL_JOBS } from '../service-levels/jobs.ts'
import { SESSION_NOTE_JOBS } from '../session-notes/jobs.ts'
import { TRADER_JOBS } from '../traders/jobs.ts'
import type { Job } from './job.ts'
import { PROVIDER_MONEY_JOBS } from './provider-money-jobs.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS

/** Those that this installation runs. */
export const jobsOf = ({ euAudit }: Pick<SettlementContext, 'euAudit'>): readonly Job[] =>
  JOBS.filter((job) => (euAudit ? job.unaudited : job.audited) !== true)

/**
 * Every job of the service; one line each makes it run, shows it in `hanse-settlement jobs list`, and counts it. The log's
 * tick is none of them: each process commits its own events within a second, and a queue would make that five.
 */
export const JOBS: readonly Job[] = [
  ...BILLING_JOBS,
  ...DOCUMENT_JOBS,
  ...COST_JOBS,
  ...BUDGET_JOBS,
  ...FORECAST_JOBS,
  ...EXPORT_JOBS,
  {
    name: 'release-expired',
    purpose: 'give back what expired authorizations did not spend',
    schedule: { everyMs: MINUTE_MS },
    work: async (context) => ({ released: await releaseExpired(context) }),
  },
  {
    name: 'usage',
    purpose: 'add what was settled to the sums of usage',
    schedule: { everyMs: 10 * SECOND_MS },
    work: async ({ store }, signal) => {
      let receipts = 0
      for (let more = true; more && !signal.aborted; ) {
        const rolled = await store.rollUpUsage()
        receipts += rolled.receipts
        more = rolled.more
      }
      return { receipts }
    },
  },
  {
    name: 'usage-partitions',
    purpose: 'make the next months’ partitions of usage and drop those older than is kept',
    schedule: { cron: '7 2 * * *' },
    work: keepUsage,
  },
  ...PROVIDER_MONEY_JOBS,
  ...ATTESTATION_JOBS,
  ...AUDIT_JOBS,
  ...ACCESS_JOBS,
  ...PEOPLE_JOBS,
  ...NOTIFICATION_JOBS,
  ...RETENTION_JOBS,
  ...BREACH_JOBS,
  ...TRADER_JOBS,
  ...SERVICE_LEVEL_JOBS,
  ...SESSION_NOTE_JOBS,
  ...RIGHTS_JOBS,
]
