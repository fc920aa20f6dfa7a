import type { Job } from '../jobs/job.ts'
import { closeMonths } from './close-month.ts'
import { issueDue } from './issue-due.ts'

const MINUTE_MS = 60_000

export const DOCUMENT_JOBS: readonly Job[] = [
  {
    name: 'documents',
    purpose: 'write invoices for payments and credit notes for refunds',
    schedule: { everyMs: MINUTE_MS },
    work: (context, signal) => issueDue(context, signal),
  },
  {
    name: 'close-months',
    purpose: 'write the statements of months that are over',
    // Each hour: in the first hours of a month, and again should the first try have been cut off.
    schedule: { cron: '23 * * * *' },
    timeoutMs: 60 * MINUTE_MS,
    work: (context, signal) => closeMonths(context, signal),
  },
]
