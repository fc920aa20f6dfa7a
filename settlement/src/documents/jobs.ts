import type { Job } from '../jobs/job.ts'
import { closeDueMonths } from './close-due-months.ts'
import { issueDue } from './issue-due.ts'
import { sealDocuments } from './seal-documents.ts'

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
    purpose: 'write the statements of months that are over, once nothing of them is open',
    // Each hour: in the first hours of a month, and again while something is open or a try was cut off.
    schedule: { cron: '23 * * * *' },
    timeoutMs: 60 * MINUTE_MS,
    work: (context, signal) => closeDueMonths(context, signal),
  },
  {
    name: 'seal-documents',
    purpose:
      'seal documents that an older release wrote in the clear, a day after an upgrade, and overwrite what was there',
    schedule: { cron: '33 * * * *' },
    timeoutMs: 60 * MINUTE_MS,
    work: sealDocuments,
  },
]
