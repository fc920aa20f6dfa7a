import type { FinalReason } from '@hanse/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { monthOf } from '../documents/month.ts'
import { ingest } from '../receipts/ingest.ts'
import { makeDeal } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK, testContext } from '../testing/market.ts'
import type { ServiceLevel } from './level.ts'
import { paceOf, timedOf } from './pace.ts'
import { STANDINGS, standingOf } from './standing.ts'

const HOUR_MS = 3_600_000
const FINALS: readonly (FinalReason | null)[] = ['completed', 'engine-failed', 'cancelled', null]
const LEVEL: ServiceLevel = {
  availability: [{ belowBps: 9000, creditBps: 1000 }],
  pace: null,
  sessionsMin: 1,
  posting: 'automatic',
}

/** What every store keeps of service levels. `open` gives the same database, perhaps on another connection. */
export function serviceLevelsContract(name: string, open: () => Promise<SettlementStore>): void {
  const measureAll = async (store: SettlementStore, receiptsMax?: number) => {
    while ((await store.measureServices(receiptsMax)).receipts > 0);
  }

  describe(`${name}: service levels`, () => {
    test('sessions count once, as what their first last word says, however they were booked and measured', async () => {
      const step = fc.record({
        deal: fc.nat(5),
        tokens: fc.nat(40),
        lateMs: fc.nat(3_000),
        final: fc.constantFrom(...FINALS),
        measure: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 14 }), async (steps) => {
          const context = testContext(await open())
          const { store } = context
          const tenant = await addTenant(context, 100n)
          const provider = await addProvider(context)
          const authorization = await hold(context, tenant, provider, 10n * CENT)
          const deals = Array.from({ length: 6 }, (_, i) =>
            makeDeal({
              network: NETWORK,
              consumer: tenant.consumer,
              provider,
              authorization,
              at: context.now() - (i % 2) * HOUR_MS,
            }),
          )
          const states = deals.map(() => ({ sequence: -1, tokens: 0, ended: false }))
          const expected = { good: 0n, failed: 0n, ended: 0n, cut: 0n }
          let timed = 0n
          for (const { deal, tokens, lateMs, final, measure } of steps) {
            const state = states[deal]
            if (state === undefined || state.ended) continue
            state.sequence++
            state.tokens += tokens
            state.ended = final !== null
            const at = context.now() - (deal % 2) * HOUR_MS + lateMs
            const changes = { final, at }
            const submission = deals[deal]?.submission(state.sequence, state.tokens, changes)
            await ingest(context, submission === undefined ? [] : [submission])
            if (final === 'completed' && paceOf(lateMs, BigInt(state.tokens)) !== undefined) timed++
            if (final !== null) expected[standingOf(final)]++
            // Others measure at the same time, each a little.
            if (measure !== undefined) {
              await Promise.all([store.measureServices(measure), (await open()).measureServices(1)])
            }
          }
          expected.cut = BigInt(
            states.filter(({ sequence, ended }) => sequence >= 0 && !ended).length,
          )
          await Promise.all([measureAll(store), measureAll(await open(), 3)])
          const [sum] = await store.serviceMeasurements({
            organization: tenant.organization,
            from: context.now() - 2 * HOUR_MS,
            to: context.now() + HOUR_MS,
            group: 'provider',
            limit: 10,
          })
          for (const standing of STANDINGS) {
            expect([standing, sum?.[standing] ?? 0n]).toEqual([standing, expected[standing]])
          }
          expect(timedOf(sum?.paces ?? [])).toBe(timed)
        }),
        { numRuns: 5 },
      )
    })

    test('a month is judged once and its credits are posted once, by any number of processes', async () => {
      const context = testContext(await open())
      const { store, now } = context
      const { organization } = await addTenant(context, 0n)
      const month = monthOf(now())
      const level = await store.addServiceLevel({
        scope: `organization/${organization}`,
        effectiveFrom: month,
        level: LEVEL,
        createdBy: 'root',
        createdAt: now(),
      })
      const credit = (posted: boolean, provider: string) => ({
        id: `sc_${crypto.randomUUID()}`,
        provider,
        posted,
        good: 1n,
        failed: 1n,
        slow: 0n,
        creditBps: 1000,
        spend: 100n,
        fee: 25n,
        amount: 10n,
        corroborated: posted,
      })
      const judgements = await Promise.all(
        Array.from({ length: 4 }, async () =>
          (await open()).judge(
            {
              organization,
              month,
              level: level.id,
              events: [],
              credits: [credit(true, 'one'), credit(false, 'two')],
            },
            now(),
          ),
        ),
      )
      expect(judgements.filter((isFirst) => isFirst)).toHaveLength(1)
      expect((await store.balance(organization)).available).toBe(10n)
      const proposed = await store.serviceCredits({
        organization,
        state: 'proposed' as const,
        after: '',
        limit: 10,
      })
      expect(proposed).toHaveLength(1)
      const id = proposed[0]?.id ?? ''
      const decided = await Promise.allSettled(
        [1, 2, 3].map(async (by) =>
          (await open()).approveServiceCredit({ id, by: `op_${by}`, note: null, at: now() }),
        ),
      )
      expect(decided.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      await expect(
        store.waiveServiceCredit({ id, by: 'op_4', note: 'no', at: now() }),
      ).rejects.toMatchObject({ code: 'HANSE_SERVICE_CREDIT_STATE' })
      expect((await store.balance(organization)).available).toBe(20n)
      const { differences } = await store.ledgerCheck()
      expect(differences.filter(({ subject }) => subject === organization)).toEqual([])
    })

    test('what was promised is never changed', async () => {
      const store = await open()
      for (const statement of [
        'update service_level set content = null',
        'delete from service_level',
      ]) {
        await expect(store.executeSql(statement)).rejects.toThrow()
      }
    })
  })
}
