import type { SettlementStore } from '@hanse/settlement'
import { seedUsage } from '@hanse/settlement/testing'
import type { Figures } from './measure.ts'
import { type Scale, SHARE, type StoreName } from './scale.ts'
import { newHome } from './service.ts'

const DAY_MS = 86_400_000
const DAYS = 90
const QUERIES = 20
const PAGE = 500
/** The largest of the seeded organizations: a quarter of all rows. */
const ORGANIZATION = 'org_seed_0'
/** What dashboards ask, out of the sums. */
const QUESTIONS: Readonly<Record<string, Question>> = {
  day: { group: 'day' },
  hour: { group: 'hour' },
  model: { group: 'model' },
  provider: { group: 'provider' },
  country: { group: 'country' },
  key: { group: 'key' },
  member: { group: 'member' },
  tag: { group: 'tag' },
  'key-days': { group: 'day', filters: { key: 'key_3' } },
  'key-models': { group: 'model', filters: { key: 'key_3' } },
}
/** What only the single sessions can tell. */
const RAW: Readonly<Record<string, Question>> = {
  raw: { group: 'provider', filters: { tag: 'product:chat' } },
  'raw-key': { group: 'country', filters: { key: 'key_3' } },
}
const RAW_QUERIES = 5

type Question = Pick<Parameters<SettlementStore['usage']>[0], 'group' | 'filters'>

/** Queries over all that is kept of ninety days. */
export async function measureUsage(
  name: StoreName,
  { usageRows }: Scale,
  figures: Figures,
): Promise<void> {
  await using home = await newHome(name)
  await using settlement = await home.open()
  const to = Math.floor(Date.now() / DAY_MS) * DAY_MS
  const from = to - DAYS * DAY_MS
  await seedUsage(settlement.store, { rows: usageRows / SHARE[name], from, to })
  const ask = async (id: string, question: Question, times: number) => {
    const latencies: number[] = []
    for (let i = 0; i < times; i++) {
      const start = performance.now()
      await query(settlement.store, { from, to, ...question })
      latencies.push(performance.now() - start)
    }
    figures.addLatencies(`usage-${id}`, latencies)
  }
  for (const [id, question] of Object.entries(QUESTIONS)) await ask(id, question, QUERIES)
  for (const [id, question] of Object.entries(RAW)) await ask(id, question, RAW_QUERIES)
}

async function query(
  store: SettlementStore,
  range: Question & { readonly from: number; readonly to: number },
): Promise<void> {
  const found = await store.usage({ ...range, organization: ORGANIZATION, limit: PAGE })
  if (found.length === 0) throw new Error(`no usage by ${range.group}`)
}
