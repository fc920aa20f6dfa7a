import type { Signer } from '@hanse/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { authorize } from '../authorizations/authorize.ts'
import type { SettlementStore } from '../db/store.ts'
import { ingest } from '../receipts/ingest.ts'
import { makeDeal, newSigner } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  NETWORK,
  type TestContext,
  type TestTenant,
  testContext,
} from '../testing/market.ts'
import type { UsageFilters } from '../usage/usage-query.ts'
import type { GivenNote } from './note.ts'

const HOUR_MS = 3_600_000
const NOTED = [[], ['team:web'], ['team:web', 'prompt:7'], ['blue']] as const
const BARE: GivenNote = {
  session: '',
  tags: [],
  user: '',
  firstMs: null,
  totalMs: null,
  receipt: null,
  receiptAt: null,
}

/** What every store keeps of what nodes say of their sessions. `open` gives the same database, perhaps on another connection. */
export function sessionNotesContract(name: string, open: () => Promise<SettlementStore>): void {
  describe(`${name}: session notes`, () => {
    test('usage goes to the tags of each session, whatever came first, and no sum of money changes', async () => {
      const step = fc.record({
        deal: fc.nat(5),
        tokens: fc.integer({ min: 1, max: 50 }),
        roll: fc.boolean(),
        note: fc.boolean(),
        take: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 16 }), async (steps) => {
          const context = testContext(await open())
          const { store, now } = context
          const tenant = await addTenant(context, 100n)
          const provider = await addProvider(context)
          const authorization = await holdFor(context, tenant, provider)
          const { consumer, organization } = tenant
          const deals = Array.from({ length: 6 }, (_, i) => {
            const at = now() - (i % 2) * HOUR_MS
            return makeDeal({ network: NETWORK, consumer, provider, authorization, at })
          })
          const states = deals.map(() => ({ sequence: -1, tokens: 0, isNoted: false }))
          for (const { deal, tokens, roll, note, take } of steps) {
            const state = states[deal]
            const made = deals[deal]
            if (state === undefined || made === undefined) continue
            state.sequence++
            state.tokens += tokens
            await ingest(context, [made.submission(state.sequence, state.tokens)])
            if (roll) await store.rollUpUsage(2)
            if (note) {
              const { session } = made
              const given = [{ ...BARE, session, tags: NOTED[deal % 4] ?? [] }]
              const { noted, known } = await store.keepNotes(consumer.peerId, given, now())
              expect([noted, known]).toEqual(state.isNoted ? [[], [session]] : [[session], []])
              state.isNoted = true
            }
            // Others do the same at the same time, each a little.
            if (take !== undefined)
              await Promise.all([
                store.takeNotes(now(), take),
                (await open()).takeNotes(now(), 1),
                (await open()).rollUpUsage(1),
              ])
          }
          await finish(store, now())
          const expected = new Map<string, bigint>()
          let total = 0n
          for (const [i, { tokens, sequence, isNoted }] of states.entries()) {
            if (sequence < 0) continue
            const spent = BigInt(tokens)
            total += spent
            for (const tag of ['base', ...(isNoted ? (NOTED[i % 4] ?? []) : [])])
              expected.set(tag, (expected.get(tag) ?? 0n) + spent)
          }
          expect(await tokensBy(store, organization, now())).toEqual(Object.fromEntries(expected))
          for (const filters of [{}, { tag: 'base' }, { member: 'anna' }])
            expect(await tokens(store, organization, now(), filters)).toBe(total)
          const cells = await store.usageCells({
            organization,
            from: day(now()) - 24 * HOUR_MS,
            to: day(now()) + 24 * HOUR_MS,
          })
          expect(cells.reduce((sum, cell) => sum + cell.outputTokens, 0n)).toBe(total)
          expect(cells.every((cell) => cell.sessions > 0n)).toBe(true)
        }),
        { numRuns: 6 },
      )
    }, 120_000)

    test('only the node that paid says something of a session, and its first word counts', async () => {
      const context = testContext(await open())
      const { store, now } = context
      const tenant = await addTenant(context, 100n)
      const provider = await addProvider(context)
      const authorization = await holdFor(context, tenant, provider)
      const { consumer, organization } = tenant
      const deal = makeDeal({ network: NETWORK, consumer, provider, authorization, at: now() })
      const { session } = deal
      const note = { ...BARE, session, user: 'u-1' }
      const say = (who: Signer, tags: readonly string[]) =>
        store.keepNotes(who.peerId, [{ ...note, tags }], now())
      expect(await say(consumer, ['early'])).toEqual({ noted: [], known: [], unknown: [session] })
      await ingest(context, [deal.submission(0, 5, { final: 'completed' })])
      for (const other of [provider, newSigner()])
        expect(await say(other, ['theirs'])).toEqual({ noted: [], known: [], unknown: [session] })
      expect(await say(consumer, ['mine'])).toEqual({ noted: [session], known: [], unknown: [] })
      expect(await say(consumer, ['other'])).toEqual({ noted: [], known: [session], unknown: [] })
      await finish(store, now())
      expect(await tokensBy(store, organization, now())).toEqual({ base: 5n, mine: 5n })
      const range = { from: day(now()), to: day(now()) + 24 * HOUR_MS }
      const users = async (filters: UsageFilters) => {
        const asked = { organization, ...range, filters, limit: 10 }
        const found = await store.usage({ ...asked, group: 'user' })
        return found.map(({ key, outputTokens }) => [key, outputTokens])
      }
      expect(await users({})).toEqual([['u-1', 5n]])
      expect(await users({ user: 'u-1', tag: 'mine' })).toEqual([['u-1', 5n]])
      expect(await users({ user: '' })).toEqual([])
    })

    test('times are counted once for each good answer, and quantiles are of bounds', async () => {
      const context = testContext(await open())
      const { store, now } = context
      const tenant = await addTenant(context, 100n)
      const provider = await addProvider(context)
      const authorization = await holdFor(context, tenant, provider)
      const { consumer, organization } = tenant
      const times = [90, 95, 130, 5_000]
      for (const [i, firstMs] of times.entries()) {
        const deal = makeDeal({ network: NETWORK, consumer, provider, authorization, at: now() })
        const final = i === 3 ? ('engine-failed' as const) : ('completed' as const)
        await ingest(context, [deal.submission(0, 5, { final })])
        const note = { ...BARE, session: deal.session, firstMs, totalMs: firstMs * 10 }
        await store.keepNotes(consumer.peerId, [note, note], now())
        if (i === 1) await store.takeNotes(now())
      }
      await finish(store, now())
      await finish(store, now())
      const [seen] = await store.serviceMeasurements({
        organization,
        from: day(now()),
        to: day(now()) + 24 * HOUR_MS,
        group: 'provider',
        limit: 10,
      })
      const counts = (of: readonly (readonly [number, bigint])[]) => new Map(of)
      expect(seen?.latencies.first).toEqual(
        counts([
          [100, 2n],
          [140, 1n],
        ]),
      )
      expect(seen?.latencies.total).toEqual(
        counts([
          [1_120, 2n],
          [1_600, 1n],
        ]),
      )
    })
  })
}

async function finish(store: SettlementStore, at: number): Promise<void> {
  while ((await store.rollUpUsage()).receipts > 0);
  while ((await store.measureServices()).receipts > 0);
  while ((await store.takeNotes(at, 2)).notes > 0);
}

async function holdFor(
  context: TestContext,
  { organization, consumer }: TestTenant,
  provider: Signer,
) {
  return authorize(context, {
    organization,
    consumer: consumer.peerId,
    provider: provider.peerId,
    limit: CENT,
    lifetimeMs: HOUR_MS,
    idempotencyKey: null,
    attribution: { tags: ['base'] },
    by: { key: '', member: 'anna' },
  })
}

const day = (at: number): number => Math.floor(at / (24 * HOUR_MS)) * 24 * HOUR_MS

async function tokensBy(store: SettlementStore, organization: string, at: number) {
  const range = { from: day(at) - 24 * HOUR_MS, to: day(at) + 24 * HOUR_MS }
  const found = await store.usage({ organization, ...range, group: 'tag', limit: 100 })
  return Object.fromEntries(found.map((row) => [row.key, row.outputTokens]))
}

async function tokens(
  store: SettlementStore,
  organization: string,
  at: number,
  filters: UsageFilters,
) {
  const range = { from: day(at) - 24 * HOUR_MS, to: day(at) + 24 * HOUR_MS }
  return (await store.usageSum({ organization, ...range, filters })).outputTokens
}
