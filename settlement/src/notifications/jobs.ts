import type { Job } from '../jobs/job.ts'
import { notify } from './deliver.ts'

const SECOND_MS = 1_000
const DAY_MS = 86_400_000
/** Long enough to answer "was it sent?", short enough that nothing piles up. */
const DELIVERED_KEPT_MS = 30 * DAY_MS
const DEAD_KEPT_MS = 90 * DAY_MS
/** A year and a month: no cause comes again after that. */
const EVENTS_KEPT_MS = 400 * DAY_MS

export const NOTIFICATION_JOBS: readonly Job[] = [
  {
    name: 'notifications',
    purpose: 'tell people and programs what they asked to be told',
    schedule: { everyMs: 5 * SECOND_MS },
    // A process that was killed holds the others up for no longer.
    timeoutMs: 60 * SECOND_MS,
    work: (context, signal) =>
      notify(context, { signal, outpost: context.outpost ?? { privateNetworks: false } }),
  },
  {
    name: 'notifications-retention',
    purpose: 'forget messages that were sent a month ago, or given up three months ago',
    schedule: { cron: '41 2 * * *' },
    unaudited: true,
    work: ({ store, now }) =>
      store.forgetNotifications({
        delivered: now() - DELIVERED_KEPT_MS,
        dead: now() - DEAD_KEPT_MS,
        events: now() - EVENTS_KEPT_MS,
      }),
  },
]
