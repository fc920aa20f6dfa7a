import { keepVault } from '../backup/vault.ts'
import { finishErasures, signDeletions } from '../deletion/ask-nodes.ts'
import type { Job } from '../jobs/job.ts'
import { runDataExports } from './run-exports.ts'

const MINUTE_MS = 60_000
/** Of the month that there is: enough to still do it. */
const REMIND_BEFORE_MS = 7 * 86_400_000

export const RIGHTS_JOBS: readonly Job[] = [
  {
    name: 'data-exports',
    purpose:
      'make the exports of personal data that were asked for, and forget those that were kept long enough',
    schedule: { everyMs: 10_000 },
    timeoutMs: 60 * MINUTE_MS,
    audited: true,
    work: async (context, signal) => ({
      forgotten: await context.store.forgetDataExports(context.now()),
      ...(await runDataExports(context, signal)),
    }),
  },
  {
    name: 'rights-deadlines',
    purpose: 'remind the operators of requests about data that are due within a week',
    schedule: { cron: '17 * * * *' },
    audited: true,
    work: async ({ store, now }) => ({
      reminded: (await store.remindOfRequests(now() + REMIND_BEFORE_MS, now())).length,
    }),
  },
  {
    name: 'deletion-requests',
    purpose:
      'sign what nodes are asked to erase, tell operators who has not answered, and end erasures that only waited for that',
    schedule: { cron: '27 * * * *' },
    audited: true,
    work: async (context) => ({
      signed: await signDeletions(context),
      reminded: await context.store.remindOfDeletions(
        context.now() + REMIND_BEFORE_MS,
        context.now(),
      ),
      expired: await context.store.expireDeletions(context.now()),
      finished: await finishErasures(context),
    }),
  },
  {
    name: 'scrub-erased',
    purpose:
      'write the tables anew that erasures touched, so that nothing of it is left in the files',
    schedule: { cron: '37 2 * * *' },
    timeoutMs: 120 * MINUTE_MS,
    work: ({ store, now }) => store.scrubErased(now()),
  },
  {
    name: 'keep-vault',
    purpose: 'bring the keys beside the backups up to date: those of who was erased go',
    schedule: { cron: '47 * * * *' },
    work: async ({ store, vault }) =>
      vault === undefined ? {} : { keys: (await keepVault(store, vault)).keys.length },
  },
]
