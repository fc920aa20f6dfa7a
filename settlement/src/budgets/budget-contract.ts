import { randomUUID } from 'node:crypto'
import {
  authorizationRelease,
  budgetTermsSchema,
  cidOf,
  picoEuro,
  type Signer,
  signRecord,
} from '@hanse/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { authorize } from '../authorizations/authorize.ts'
import { releaseEarly } from '../authorizations/end-early.ts'
import type { SettlementContext } from '../context.ts'
import type { SettlementStore } from '../db/store.ts'
import { ingest } from '../receipts/ingest.ts'
import { makeDeal } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  NETWORK,
  type TestTenant,
  testContext,
} from '../testing/market.ts'
import type { SpendAttribution } from './budget.ts'
import { RulesWatch } from './rules-watch.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** What every store keeps of budgets. `open` gives the same database, perhaps on another connection. */
export function budgetContract(name: string, open: () => Promise<SettlementStore>): void {
  const setUp = async () => {
    const context = testContext(await open())
    const tenant = await addTenant(context, 10_000n)
    const provider = await addProvider(context)
    const budget = async (more: object) => {
      const rule = budgetTermsSchema.parse({
        name: 'b',
        amount: (10n * CENT).toString(),
        window: { kind: 'day' },
        ...more,
      })
      const id = `bud_${randomUUID()}`
      const { organization } = tenant
      return context.store.addBudget({ id, organization, rule, actor: 'test', at: context.now() })
    }
    const hold = (
      cents: bigint,
      attribution?: SpendAttribution,
      where: SettlementContext = context,
    ) => holdFor(where, tenant, provider, cents, attribution)
    const stateOf = async (id: string) =>
      (await context.store.budgetState(tenant.organization, id, context.now()))?.state
    return { context, tenant, provider, budget, hold, stateOf, ...tenant }
  }
  const spend = async (
    { context, consumer, provider }: Awaited<ReturnType<typeof setUp>>,
    authorization: Awaited<ReturnType<typeof authorize>>,
    cents: number,
  ) => {
    const parties = { network: NETWORK, consumer, provider, authorization }
    const prices = { outputPrice: CENT, inputPrice: picoEuro(0n) }
    const deal = makeDeal({ ...parties, ...prices, at: context.now() })
    expect(await ingest(context, [deal.submission(0, cents)])).toMatchObject([{ status: 'booked' }])
  }

  describe(`${name}: budgets`, () => {
    test('a hold that would pass a stop is refused, leaves nothing behind, and is told of once', async () => {
      const { context, budget, hold, organization, stateOf } = await setUp()
      const { id } = await budget({})
      await hold(6n)
      await expect(hold(5n)).rejects.toMatchObject({ code: 'HANSE_BUDGET_RESERVED' })
      await expect(hold(11n)).rejects.toMatchObject({ code: 'HANSE_BUDGET_EXHAUSTED' })
      await expect(hold(11n)).rejects.toMatchObject({ retryAfterMs: DAY_MS })
      expect(await stateOf(id)).toMatchObject({ spent: 0n, held: 6n * CENT, amount: 10n * CENT })
      expect((await context.store.balance(organization)).held).toBe(6n * CENT)
      await hold(4n)
      const told = await context.store.executeSql(
        'select kind, facts from notification_event where organization = $1',
        [organization],
      )
      expect(told.rows).toMatchObject([{ kind: 'budget.exhausted', facts: { budget: 'b' } }])
    })

    test('what is spent counts in the window in which it was promised, what comes back no more', async () => {
      const all = await setUp()
      const { context, budget, hold, stateOf, provider, organization } = all
      const { id } = await budget({})
      const authorization = await hold(8n)
      await spend(all, authorization, 3)
      expect(await stateOf(id)).toMatchObject({ spent: 3n * CENT, held: 5n * CENT })
      const cid = cidOf(authorization.bytes)
      const word = signRecord(
        { network: NETWORK },
        authorizationRelease,
        {
          settlement: context.signer.peerId,
          provider: provider.peerId,
          authorization: cid,
          claims: picoEuro(3n * CENT),
          at: context.now(),
        },
        'provider',
        provider,
      )
      await releaseEarly(context, organization, cid.toString(), word)
      expect(await stateOf(id)).toMatchObject({ spent: 3n * CENT, held: 0n })
      await hold(7n)
      context.clock.now += DAY_MS
      expect(await stateOf(id)).toMatchObject({ spent: 0n, held: 0n })
      await hold(10n)
      const history = await context.store.budgetHistory(organization, id, context.now(), 10)
      expect(history?.map(({ spent, held }) => [spent, held])).toEqual([
        [0n, 10n * CENT],
        [3n * CENT, 7n * CENT],
      ])
    })

    test('the day is that of the organization’s time zone', async () => {
      const { context, budget, hold, organization } = await setUp()
      await context.store.setTimeZone(organization, 'Europe/Berlin')
      await budget({})
      await hold(10n)
      // The clock began at midnight in UTC, an hour after that of Berlin.
      context.clock.now += 22 * HOUR_MS
      await expect(hold(11n)).rejects.toMatchObject({ retryAfterMs: HOUR_MS })
      context.clock.now += HOUR_MS
      await hold(1n)
    })

    test('what was left of yesterday is carried over, but nothing from before the budget was', async () => {
      const { context, budget, hold, stateOf } = await setUp()
      const { id } = await budget({ carryOver: true })
      expect(await stateOf(id)).toMatchObject({ amount: 10n * CENT })
      await hold(4n)
      context.clock.now += DAY_MS
      expect(await stateOf(id)).toMatchObject({ amount: 16n * CENT })
      await hold(16n)
      await expect(hold(1n)).rejects.toMatchObject({ code: 'HANSE_BUDGET_RESERVED' })
    })

    test('a fixed window stops between its ends alone', async () => {
      const { context, budget, hold } = await setUp()
      const from = context.now() + HOUR_MS
      await budget({ window: { kind: 'fixed', from, to: from + HOUR_MS } })
      await hold(20n)
      context.clock.now = from
      await expect(hold(20n)).rejects.toMatchObject({ retryAfterMs: HOUR_MS })
      context.clock.now = from + HOUR_MS
      await hold(20n)
    })

    test('all budgets whose scope an authorization is in apply to it, and no other', async () => {
      const { budget, hold } = await setUp()
      await budget({ amount: (20n * CENT).toString() })
      await budget({ scope: { team: 'research' } })
      await budget({ scope: { team: 'research', tag: 'evals' }, amount: (3n * CENT).toString() })
      await budget({ scope: { model: 'llama-*' }, amount: '1' })
      const research = { team: 'research', tags: [] }
      await hold(3n, { team: 'research', tags: ['evals', 'more'] })
      await expect(hold(1n, { team: 'research', tags: ['evals'] })).rejects.toMatchObject({
        code: 'HANSE_BUDGET_RESERVED',
      })
      await hold(7n, research)
      await expect(hold(1n, research)).rejects.toMatchObject({
        message: expect.stringContaining('of team research has'),
      })
      await hold(10n, { team: 'sales' })
      await expect(hold(1n)).rejects.toMatchObject({
        message: expect.stringContaining('of the organization has'),
      })
    })

    test('a budget that was lowered refuses, one that was raised or removed lets through', async () => {
      const { context, budget, hold, organization } = await setUp()
      const { id, rule } = await budget({})
      await hold(5n)
      const set = (cents: bigint) =>
        context.store.changeBudget({
          id,
          organization,
          rule: { ...rule, amount: picoEuro(cents * CENT) },
          actor: 'test',
          at: context.now(),
        })
      await set(5n)
      await expect(hold(1n)).rejects.toMatchObject({ code: 'HANSE_BUDGET_RESERVED' })
      await set(6n)
      await hold(1n)
      await context.store.removeBudget(organization, id, context.now())
      await hold(50n)
      await expect(set(1n)).rejects.toMatchObject({ code: 'HANSE_NOT_FOUND' })
      const other = await addTenant(context, 0n)
      await expect(
        context.store.removeBudget(other.organization, id, context.now()),
      ).rejects.toMatchObject({ code: 'HANSE_NOT_FOUND' })
    })

    test('a threshold is noted once in its window, and gateways learn of one that binds', async () => {
      const all = await setUp()
      const { context, budget, hold, organization } = all
      const { store } = context
      const { id } = await budget({
        thresholds: [
          { percent: 50, action: 'notify' },
          { percent: 80, action: 'slow' },
          { percent: 100, action: 'stop' },
          { percent: 100, on: 'forecast', action: 'notify' },
        ],
        slow: { parallel: 1 },
      })
      const authorization = await hold(10n)
      const note = (outlook = 0n) =>
        store.noteCrossings(organization, { [id]: outlook }, context.now())
      const rules = () => store.gatewayRules(organization, context.now())
      expect(await note()).toBe(0)
      const { revision } = await rules()
      await spend(all, authorization, 5)
      expect([await note(), await note(), await note(10n * CENT)]).toEqual([1, 0, 1])
      expect((await rules()).revision).toBe(revision)
      await spend(all, authorization, 3)
      expect(await note()).toBe(1)
      const until = context.now() + DAY_MS
      expect(await rules()).toMatchObject({ reached: [{ budget: id, action: 'slow', until }] })
      expect(BigInt((await rules()).revision)).toBeGreaterThan(BigInt(revision))
      const told = await store.executeSql(
        'select kind from notification_event where organization = $1 order by id',
        [organization],
      )
      expect(told.rows.map((row) => (row as { kind: string }).kind)).toEqual([
        'budget.threshold',
        'forecast.over_budget',
        'budget.threshold',
      ])
      context.clock.now += DAY_MS
      expect((await rules()).reached).toEqual([])
    })

    test('what gateways report counts for budgets that only they can count', async () => {
      const { context, budget, organization, stateOf } = await setUp()
      const { id } = await budget({ scope: { model: 'llama-*' } })
      const from = (await stateOf(id))?.span.from ?? 0
      const report = (gateway: string, cents: bigint) =>
        context.store.reportBudgets(
          organization,
          gateway,
          [{ budget: id, from, spent: picoEuro(cents * CENT), held: CENT }],
          context.now(),
        )
      expect(await report('one', 2n)).toBe(1)
      await report('one', 3n)
      await report('two', 7n)
      expect(await stateOf(id)).toMatchObject({ spent: 10n * CENT, held: 2n * CENT })
      const { reached } = await context.store.gatewayRules(organization, context.now())
      expect(reached).toMatchObject([{ budget: id, action: 'stop' }])
      const other = await addTenant(context, 0n)
      const given = [{ budget: id, from, spent: CENT, held: CENT }]
      expect(await context.store.reportBudgets(other.organization, 'x', given, 0)).toBe(0)
    })

    test('a change that another process makes wakes whoever waits for it', async () => {
      const { context, organization, budget } = await setUp()
      await using watch = new RulesWatch(await open())
      const never = new AbortController().signal
      const revision = async () =>
        (await context.store.gatewayRules(organization, context.now())).revision
      for (let i = 0; i < 3; i++) {
        const before = await revision()
        // Were nobody woken, this would not end before the test does.
        const waiting = watch.changed(organization, before, 600_000, never)
        await budget({ name: `b${i}` })
        await waiting
        expect(await revision()).not.toBe(before)
      }
      const gone = new AbortController()
      const waiting = watch.changed(organization, await revision(), 600_000, gone.signal)
      gone.abort()
      await waiting
      const last = watch.changed(organization, await revision(), 600_000, never)
      watch.stop()
      await last
    })

    test('any holds at once, by any processes, never pass a stop together', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.bigInt(1n, 9n), fc.constantFrom('a', 'b', undefined)), {
            minLength: 6,
            maxLength: 16,
          }),
          async (asked) => {
            const { context, budget, hold, stateOf } = await setUp()
            const whole = await budget({ amount: (20n * CENT).toString() })
            const part = await budget({ scope: { team: 'a' } })
            const stores = [context.store, await open()]
            const outcomes = await Promise.allSettled(
              asked.map(([cents, team], i) => {
                const where = { ...context, store: stores[i % 2] ?? context.store }
                return hold(cents, team === undefined ? undefined : { team }, where)
              }),
            )
            const held = (which: (team: string | undefined) => boolean) =>
              asked.reduce(
                (sum, [cents, team], i) =>
                  outcomes[i]?.status === 'fulfilled' && which(team) ? sum + cents * CENT : sum,
                0n,
              )
            for (const outcome of outcomes)
              if (outcome.status === 'rejected')
                expect(outcome.reason).toMatchObject({
                  code: expect.stringMatching(/^HANSE_BUDGET_/u),
                })
            const [all, ofTeam] = [held(() => true), held((team) => team === 'a')]
            expect([all <= 20n * CENT, ofTeam <= 10n * CENT]).toEqual([true, true])
            expect([(await stateOf(whole.id))?.held, (await stateOf(part.id))?.held]).toEqual([
              all,
              ofTeam,
            ])
          },
        ),
        { numRuns: 5 },
      )
    })
  })
}

function holdFor(
  context: SettlementContext,
  { organization, consumer }: TestTenant,
  provider: Signer,
  cents: bigint,
  attribution?: SpendAttribution,
) {
  return authorize(context, {
    organization,
    consumer: consumer.peerId,
    provider: provider.peerId,
    limit: picoEuro(cents * CENT),
    lifetimeMs: HOUR_MS,
    idempotencyKey: null,
    attribution,
  })
}
