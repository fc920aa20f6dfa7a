import { describe, expect, test } from 'vitest'
import type { SettlementContext } from '../context.ts'
import type { SettlementStore } from '../db/store.ts'
import { SettlementError } from '../errors.ts'
import { testContext } from '../testing/market.ts'
import { openStripeMarket } from '../testing/stripe-market.ts'
import type { Job } from './job.ts'
import type { JobFault } from './job-fault.ts'
import { type Jobs, openJobs } from './jobs.ts'
import { JOBS } from './registry.ts'

const NEVER = { cron: '0 0 1 1 *' }
const POLL_MS = 500

/** What the queue does on every store. `open` gives the same database, perhaps on another connection. */
export function jobsContract(name: string, open: () => Promise<SettlementStore>): void {
  const start = async (
    registry: readonly Job[],
    faults: [string, JobFault][] = [],
    context?: SettlementContext,
  ) =>
    openJobs(context ?? testContext(await open()), registry, {
      pollMs: POLL_MS,
      onFailure: (job, fault) => faults.push([job, fault]),
    })

  describe(`${name}: jobs`, () => {
    test('each job of the service runs by hand, and its last run can be seen', async () => {
      await using market = await openStripeMarket(await open())
      await using jobs = await start(JOBS, [], market.context)
      for (const { name: job } of JOBS) {
        const { state, output } = await jobs.run(job)
        expect({ job, state, output }).toEqual({ job, state: 'done', output })
      }
      for (const status of await jobs.list()) {
        expect(status).toMatchObject({ dead: 0, last: { state: 'done' } })
      }
      await expect(jobs.run('no-such-job')).rejects.toMatchObject({ code: 'HANSE_NOT_FOUND' })
    })

    test('of two processes that ask at once, one works at a time', async () => {
      let running = 0
      let most = 0
      let runs = 0
      const job: Job = {
        name: 'one-at-a-time',
        purpose: 'see who else is here',
        schedule: NEVER,
        work: async ({ store }) => {
          most = Math.max(most, ++running)
          await store.ping()
          running--
          return { run: ++runs }
        },
      }
      await using first = await start([job])
      await using second = await start([job])
      const all = await Promise.all([first, second, first].map((jobs) => jobs.run(job.name)))
      expect(
        all.map(({ output }) => (output as { run: number }).run).toSorted((a, b) => a - b),
      ).toEqual([1, 2, 3])
      expect(most).toBe(1)
    })

    test('a period is begun once, however many processes count it', async () => {
      const every: Job = {
        name: 'every-hour',
        purpose: 'count',
        schedule: { everyMs: 1_000 },
        work: async ({ store }) => store.ping(),
      }
      await using first = await start([every])
      await using second = await start([every])
      const seen = async (jobs: Jobs) => (await jobs.list())[0]?.last?.state
      await expect.poll(() => seen(first), { timeout: 15_000 }).toBe('done')
      expect(await seen(second)).toBeDefined()
      const { rows } = await (await open()).executeSql(
        `select singleton_on, count(*)::int4 as n from pgboss.job where name = 'every-hour'
         group by 1 having count(*) > 1`,
      )
      expect(rows).toEqual([])
    })

    test('a job that fails is kept as dead, with a code and nothing of what it worked on', async () => {
      const faults: [string, JobFault][] = []
      const ours: Job = {
        name: 'fails',
        purpose: 'fail',
        schedule: NEVER,
        work: () => Promise.reject(new SettlementError('HANSE_PAYMENTS_UNAVAILABLE', 'no answer')),
      }
      const theirs: Job = {
        name: 'quotes',
        purpose: 'fail with somebody’s name in the words',
        schedule: NEVER,
        work: ({ store }) => store.executeSql('select $1::int4', ['Jane Doe']),
      }
      await using jobs = await start([ours, theirs], faults)
      expect(await jobs.run('fails')).toMatchObject({
        state: 'failed',
        output: { code: 'HANSE_PAYMENTS_UNAVAILABLE', message: 'no answer' },
      })
      await jobs.run('quotes')
      expect(faults.map(([job, { code }]) => [job, code])).toEqual([
        ['fails', 'HANSE_PAYMENTS_UNAVAILABLE'],
        ['quotes', 'SQL_22P02'],
      ])
      const dead = await jobs.dead()
      expect(dead.map(({ job }) => job).toSorted()).toEqual(['fails', 'quotes'])
      expect(JSON.stringify([dead, faults])).not.toContain('Jane')
      expect((await jobs.list()).map((status) => status.dead)).toEqual([1, 1])
    })
  })
}
