import type { Job } from '../jobs/job.ts'
import { dueAt, reminderOf } from './breach.ts'

/** Nobody has more breaches open than can be read. */
const OPEN_MAX = 500

export const BREACH_JOBS: readonly Job[] = [
  {
    name: 'breach-clock',
    purpose: 'remind operators of the 72 hours in which an authority is to be told of a breach',
    schedule: { everyMs: 5 * 60_000 },
    audited: true,
    work: async ({ store, now }) => {
      const open = await store.breaches({ open: true, limit: OPEN_MAX })
      const due = open.flatMap(({ id, breach }) => {
        const hours = reminderOf(breach, now())
        return hours === undefined ? [] : [{ id, hours, dueAt: dueAt(breach) }]
      })
      await store.remindOfBreaches(due, now())
      return { open: open.length, due: due.length }
    },
  },
]
