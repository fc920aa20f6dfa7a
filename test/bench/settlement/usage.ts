import type { SettlementStore } from '@hanse/settlement'
import { seedUsage } from '@hanse/settlement/testing'
import type { Figures } from './measure.ts'
import type { Scale, StoreName } from './scale.ts'
import { newHome } from './service.ts'

const DAY_MS = 86_400_000
const DAYS = 90
const QUERIES = 20
const PAGE = 500
/** The largest of the seeded organizations: a quarter of all rows. */
const ORGANIZATION = 'org_seed_0'
const GROUPS = ['day', 'hour', 'model', 'provider'] as const

/** The embedded database is for one process and small markets: it gets a tenth of the rows. */
const SHARE = { postgres: 1, pglite: 10 } as const

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
  for (const group of GROUPS) {
    const latencies: number[] = []
    for (let i = 0; i < QUERIES; i++) {
      const start = performance.now()
      await query(settlement.store, { from, to, group })
      latencies.push(performance.now() - start)
    }
    figures.addLatencies(`usage-${group}`, latencies)
  }
}

async function query(
  store: SettlementStore,
  range: { readonly from: number; readonly to: number; readonly group: (typeof GROUPS)[number] },
): Promise<void> {
  const found = await store.usage({ ...range, organization: ORGANIZATION, limit: PAGE })
  if (found.length === 0) throw new Error(`no usage by ${range.group}`)
}
