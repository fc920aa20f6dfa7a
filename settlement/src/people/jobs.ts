import type { Job } from '../jobs/job.ts'

/** A person may look for a month at what ended, should they ask the operator. */
const ENDED_SESSIONS_MS = 30 * 86_400_000

export const PEOPLE_JOBS: readonly Job[] = [
  {
    name: 'forget-sign-ins',
    purpose: 'forget sessions that ended a month ago, and attempts that count no more',
    schedule: { cron: '23 3 * * *' },
    unaudited: true,
    work: async ({ store, now }) => ({
      sessions: await store.dropPersonSessions(now() - ENDED_SESSIONS_MS),
      attempts: await store.dropSignInAttempts(now()),
    }),
  },
]
