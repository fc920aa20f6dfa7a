import type { Job } from '../jobs/job.ts'
import { WARN_MS } from './expiring-keys.ts'

export const ACCESS_JOBS: readonly Job[] = [
  {
    name: 'expiring-keys',
    purpose: 'tell organizations of keys that end within a week, and within a day',
    schedule: { cron: '11 * * * *' },
    work: async ({ store, now }, signal) => {
      for (const within of WARN_MS) {
        let after: string | undefined = ''
        while (after !== undefined && !signal.aborted) {
          after = await store.tellOfExpiringKeys(within, after, now())
        }
      }
      return {}
    },
  },
]
