import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { ingest } from '../receipts/ingest.ts'
import { makeDeal } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK, NOW, testContext } from '../testing/market.ts'
import { USAGE_KEPT_MS } from './partitions.ts'
import { seedUsage } from './testing/seed-usage.ts'
import { USAGE_GROUPS, type UsageGroup, type UsageRow } from './usage-store.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Two days and a bit before, so that days are taken whole and in part. */
const FROM = NOW - 50 * HOUR_MS
const MODELS = ['m/one', 'm/two', 'm/three']

/** What every store keeps of usage. `open` gives the same database, perhaps on another connection. */
export function usageContract(name: string, open: () => Promise<SettlementStore>): void {
  const rollAll = async (store: SettlementStore, receiptsMax?: number) => {
    while ((await store.rollUpUsage(receiptsMax)).receipts > 0);
  }
  const usageOf = async (
    store: SettlementStore,
    organization: string,
    group: UsageGroup,
    [from, to]: readonly [number, number],
  ) => {
    const all: UsageRow[] = []
    for (;;) {
      const after = all.at(-1)?.key
      const page = await store.usage({
        organization,
        from,
        to,
        group,
        limit: 2,
        ...(after !== undefined && { after }),
      })
      all.push(...page)
      if (page.length < 2) return all
    }
  }

  describe(`${name}: usage`, () => {
    test('rollups are the naive sums of what is settled, however it was booked and rolled up', async () => {
      const step = fc.record({
        deal: fc.nat(7),
        tokens: fc.nat(50),
        roll: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
        together: fc.boolean(),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 16 }), async (steps) => {
          const context = testContext(await open())
          const { store } = context
          const tenant = await addTenant(context, 100n)
          const providers = [await addProvider(context), await addProvider(context)]
          const deals = await Promise.all(
            Array.from({ length: 8 }, async (_, i) => {
              const provider = providers[i % 2]
              if (provider === undefined) throw new Error('no provider')
              const authorization = await hold(context, tenant, provider, CENT)
              const at = context.now() - ((i * 7) % 48) * HOUR_MS
              const model = MODELS[i % 3] ?? ''
              const parties = { network: NETWORK, consumer: tenant.consumer, provider, at }
              return makeDeal({ ...parties, authorization, orderChanges: { model } })
            }),
          )
          const last = deals.map(() => ({ sequence: -1, tokens: 0 }))
          for (const { deal, tokens, roll, together } of steps) {
            const state = last[deal] ?? { sequence: -1, tokens: 0 }
            state.sequence++
            state.tokens += tokens
            const submission = deals[deal]?.submission(state.sequence, state.tokens)
            const booking = ingest(context, submission === undefined ? [] : [submission])
            // Another process rolls up while this one books.
            if (together) await Promise.all([booking, (await open()).rollUpUsage(1), booking])
            await booking
            if (roll !== undefined) await store.rollUpUsage(roll)
          }
          await Promise.all([rollAll(store), rollAll(await open(), 3)])
          for (const group of USAGE_GROUPS) {
            for (const range of [
              [FROM, NOW + HOUR_MS] as const,
              [NOW - 5 * HOUR_MS, NOW] as const,
            ]) {
              expect(await usageOf(store, tenant.organization, group, range)).toEqual(
                await naive(store, tenant.organization, group, range),
              )
            }
          }
        }),
        { numRuns: 6 },
      )
    })

    test('partitions are made ahead and dropped after 90 days, and the sums stay', async () => {
      const store = await open()
      const { made } = await store.keepUsagePartitions(NOW)
      const { made: again } = await store.keepUsagePartitions(NOW)
      expect(again).toEqual([])
      const names = async () => {
        const { rows } = await store.executeSql(
          `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
           where i.inhparent = 'usage'::regclass order by 1`,
        )
        return rows.map((row) => (row as { name: string }).name)
      }
      expect(await names()).toEqual([
        'usage_2026_11',
        'usage_2026_12',
        'usage_2027_01',
        'usage_2027_02',
        'usage_default',
      ])
      expect(made.every((name) => /^usage_202\d_\d\d$/u.test(name))).toBe(true)
      const organization = `org_${name}_kept`
      await seedUsage(store, { rows: 500, organization, from: NOW, to: NOW + DAY_MS })
      const range = [NOW, NOW + DAY_MS] as const
      const before = await usageOf(store, organization, 'model', range)
      const { dropped } = await store.keepUsagePartitions(NOW + USAGE_KEPT_MS + 31 * DAY_MS)
      expect(dropped).toEqual(['usage_2026_11'])
      expect(await usageOf(store, organization, 'model', range)).toEqual(before)
      expect(await usageOf(store, organization, 'day', range)).toMatchObject([{ sessions: 500n }])
    })
  })
}

/** One by one, out of the sessions themselves. */
async function naive(
  store: SettlementStore,
  organization: string,
  group: UsageGroup,
  [from, to]: readonly [number, number],
): Promise<UsageRow[]> {
  const { rows } = await store.executeSql(
    `select s.model, s.provider, p.country, (extract(epoch from accepted_at) * 1000)::float8 as at,
       amount::text, fee::text, input_tokens::text as input, cached_input_tokens::text as cached,
       output_tokens::text as output
     from settled_session s join provider p on p.peer_id = s.provider where organization = $1`,
    [organization],
  )
  const sums = new Map<string, UsageRow>()
  for (const row of rows as Record<string, string>[]) {
    const at = Math.floor(Number(row.at) / HOUR_MS) * HOUR_MS
    if (at < from || at >= to) continue
    const time = group === 'day' ? Math.floor(at / DAY_MS) * DAY_MS : at
    const key =
      group === 'hour' || group === 'day'
        ? new Date(time).toISOString().replace('.000Z', 'Z')
        : (row[group] ?? '')
    const sum = sums.get(key)
    const add = (before: bigint | undefined, value: string | undefined) =>
      (before ?? 0n) + BigInt(value ?? '0')
    sums.set(key, {
      key,
      sessions: (sum?.sessions ?? 0n) + 1n,
      inputTokens: add(sum?.inputTokens, row.input),
      cachedInputTokens: add(sum?.cachedInputTokens, row.cached),
      outputTokens: add(sum?.outputTokens, row.output),
      amount: add(sum?.amount, row.amount) as UsageRow['amount'],
      fee: add(sum?.fee, row.fee) as UsageRow['fee'],
    })
  }
  return [...sums.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}
