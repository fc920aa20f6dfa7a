import type { Signer } from '@hanse/protocol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { authorize } from '../authorizations/authorize.ts'
import type { SettlementStore } from '../db/store.ts'
import { ingest } from '../receipts/ingest.ts'
import { makeDeal } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  NETWORK,
  NOW,
  type TestContext,
  type TestTenant,
  testContext,
} from '../testing/market.ts'
import { USAGE_KEPT_MS } from './partitions.ts'
import type { SpenderLimits } from './spender-store.ts'
import { seedUsage } from './testing/seed-usage.ts'
import { USAGE_GROUPS, type UsageFilters, type UsageGroup } from './usage-query.ts'
import type { UsageRow } from './usage-store.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Two days and a bit before, so that days are taken whole and in part. */
const FROM = NOW - 50 * HOUR_MS
const MODELS = ['m/one', 'm/two', 'm/three']
/** Whom deals are for: nobody who is known, a person, and two keys with and without tags. */
const SPENDERS = [
  { by: { key: '', member: '' }, tags: [] },
  { by: { key: '', member: 'anna' }, tags: ['blue'] },
  { by: { key: 'hanse_ci', member: 'anna' }, tags: ['blue', 'red'] },
  { by: { key: 'hanse_web', member: 'bert' }, tags: [] },
  { by: { key: 'hanse_web', member: 'bert' }, tags: ['red'] },
] as const
const FILTERS: readonly UsageFilters[] = [
  {},
  { key: 'hanse_web' },
  { key: '' },
  { member: 'anna', tag: 'red' },
  { tag: '' },
  { tag: 'blue', model: 'm/one' },
  { model: 'm/two' },
  { country: 'DE', member: 'anna' },
]

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
    filters: UsageFilters,
  ) => {
    const all: UsageRow[] = []
    for (;;) {
      const after = all.at(-1)?.key
      const page = await store.usage({
        organization,
        from,
        to,
        group,
        filters,
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
      const whose = fc.array(fc.nat(SPENDERS.length - 1), { minLength: 8, maxLength: 8 })
      const given = [fc.array(step, { minLength: 5, maxLength: 16 }), whose] as const
      await fc.assert(
        fc.asyncProperty(...given, async (steps, spenders) => {
          const context = testContext(await open())
          const { store } = context
          const tenant = await addTenant(context, 100n)
          const providers = [await addProvider(context), await addProvider(context)]
          const deals = await Promise.all(
            Array.from({ length: 8 }, async (_, i) => {
              const provider = providers[i % 2]
              if (provider === undefined) throw new Error('no provider')
              const authorization = await holdFor(context, tenant, provider, spenders[i] ?? 0)
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
          const sessions = await settledSessions(store, tenant.organization)
          for (const filters of FILTERS) {
            for (const group of USAGE_GROUPS) {
              for (const range of [
                [FROM, NOW + HOUR_MS] as const,
                [NOW - 5 * HOUR_MS, NOW] as const,
              ]) {
                expect(
                  await usageOf(store, tenant.organization, group, range, filters),
                  `${group} of ${JSON.stringify(filters)}`,
                ).toEqual(naive(sessions, group, range, filters))
              }
            }
          }
        }),
        { numRuns: 6 },
      )
    }, 120_000)

    test('an organization has so many tags and no more: what is beyond is other, and nothing is lost', async () => {
      const store = await open()
      const { organization } = await addTenant(testContext(store), 0n)
      const limits: SpenderLimits = { tags: 3, spenders: 5 }
      const intern = (tags: readonly string[], key = 'hanse_a') =>
        store.internSpender(organization, { key, member: '', tags }, NOW, limits)
      const first = await intern(['b', 'a', 'a'])
      expect(await intern(['a', 'b'])).toBe(first)
      expect(await intern([], '')).toBeNull()
      await Promise.all(['c', 'd', 'e'].map((tag) => intern([tag])))
      expect(await intern(['f', 'a'])).toBe(await intern(['g', 'a']))
      expect(await intern(['f'])).toBe(await intern(['other']))
      const { rows } = await store.executeSql(
        'select key, tags from usage_spender where organization = $1 order by id',
        [organization],
      )
      const tags = (rows as { tags: string[] }[]).flatMap((row) => row.tags)
      expect(new Set(tags).size).toBe(4)
      expect(tags).toContain('other')
      // With a fifth there is no room for sets: those that are new are other, and their key is still known.
      await intern(['a'], 'hanse_b')
      expect(await intern(['b'], 'hanse_b')).toBe(await intern(['a', 'b'], 'hanse_b'))
      expect(await intern(['a', 'b'])).toBe(first)
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
      const before = await usageOf(store, organization, 'model', range, {})
      const { dropped } = await store.keepUsagePartitions(NOW + USAGE_KEPT_MS + 31 * DAY_MS)
      expect(dropped).toEqual(['usage_2026_11'])
      expect(await usageOf(store, organization, 'model', range, {})).toEqual(before)
      expect(await usageOf(store, organization, 'day', range, {})).toMatchObject([
        { sessions: 500n },
      ])
    })
  })
}

type Session = Record<'model' | 'provider' | 'country' | 'key' | 'member' | 'user', string> &
  Record<'amount' | 'fee' | 'input' | 'cached' | 'output', string> & {
    readonly tags: readonly string[]
    readonly at: number
  }

async function settledSessions(store: SettlementStore, organization: string): Promise<Session[]> {
  const { rows } = await store.executeSql(
    `select s.model, s.provider, p.country, (extract(epoch from accepted_at) * 1000)::float8 as at,
       s.amount::text, s.fee::text, s.input_tokens::text as input, s.cached_input_tokens::text as cached,
       s.output_tokens::text as output, coalesce(w.key, '') as key, coalesce(w.member, '') as member,
       coalesce(w.tags, '{}') as tags, '' as "user"
     from settled_session s join provider p on p.peer_id = s.provider
     left join spend_authorization a on a.serial = s.authorization_serial
     left join usage_spender w on w.organization = a.organization and w.id = a.spender
     where s.organization = $1`,
    [organization],
  )
  return rows as Session[]
}

/** One by one, out of the sessions themselves. */
function naive(
  sessions: readonly Session[],
  group: UsageGroup,
  [from, to]: readonly [number, number],
  { tag, ...filters }: UsageFilters,
): UsageRow[] {
  const sums = new Map<string, UsageRow>()
  for (const one of sessions) {
    const at = Math.floor(Number(one.at) / HOUR_MS) * HOUR_MS
    if (at < from || at >= to) continue
    if (
      Object.entries(filters).some(([name, value]) => one[name as keyof typeof filters] !== value)
    )
      continue
    if (tag !== undefined && !tagsOf(one).includes(tag)) continue
    for (const key of keysOf(one, group, at)) {
      const sum = sums.get(key)
      const add = (before: bigint | undefined, value: string) => (before ?? 0n) + BigInt(value)
      sums.set(key, {
        key,
        sessions: (sum?.sessions ?? 0n) + 1n,
        inputTokens: add(sum?.inputTokens, one.input),
        cachedInputTokens: add(sum?.cachedInputTokens, one.cached),
        outputTokens: add(sum?.outputTokens, one.output),
        amount: add(sum?.amount, one.amount) as UsageRow['amount'],
        fee: add(sum?.fee, one.fee) as UsageRow['fee'],
      })
    }
  }
  return [...sums.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

function keysOf(session: Session, group: UsageGroup, at: number): readonly string[] {
  if (group === 'tag') return tagsOf(session)
  if (group !== 'hour' && group !== 'day') return [session[group]]
  const time = group === 'day' ? Math.floor(at / DAY_MS) * DAY_MS : at
  return [new Date(time).toISOString().replace('.000Z', 'Z')]
}

const tagsOf = ({ tags }: Session): readonly string[] => (tags.length === 0 ? [''] : tags)

async function holdFor(
  context: TestContext,
  { organization, consumer }: TestTenant,
  provider: Signer,
  spender: number,
) {
  const { by, tags } = SPENDERS[spender] ?? SPENDERS[0]
  return authorize(context, {
    organization,
    consumer: consumer.peerId,
    provider: provider.peerId,
    limit: CENT,
    lifetimeMs: HOUR_MS,
    idempotencyKey: null,
    attribution: { tags },
    by,
  })
}
