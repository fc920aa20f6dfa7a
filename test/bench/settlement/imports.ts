import type { Settlement } from '@hanse/settlement'
import { seedImports } from '@hanse/settlement/testing'
import type { Figures } from './measure.ts'
import { type Scale, SHARE, type StoreName } from './scale.ts'
import { newHome } from './service.ts'

const DAY_MS = 86_400_000
const DAYS = 90
const QUERIES = 20
const RAW_QUERIES = 5
/** Part of all rows that the organization has that asks, as the largest does of usage. */
const LARGEST = 4
/** What dashboards ask, out of the sums, with rates for what has no cost. */
const GROUPS = ['day', 'hour', 'model', 'provider', 'source', 'tag'] as const

/** Queries over ninety days of what was imported, over the API; and the two that read single rows. */
export async function measureImports(
  name: StoreName,
  { importRows }: Scale,
  figures: Figures,
): Promise<void> {
  await using home = await newHome(name)
  await using settlement = await home.open()
  const to = Math.floor(Date.now() / DAY_MS) * DAY_MS
  const from = to - DAYS * DAY_MS
  const { organization, apiKey } = await newOrganization(settlement)
  const rows = importRows / SHARE[name]
  const own = Math.round(rows / LARGEST)
  await seedImports(settlement.store, { rows: rows - own, from, to })
  await seedImports(settlement.store, { rows: own, organization, from, to })

  const ask = async (id: string, times: number, query: () => Promise<number>) => {
    const latencies: number[] = []
    for (let i = 0; i < times; i++) {
      const start = performance.now()
      const found = await query()
      latencies.push(performance.now() - start)
      if (found === 0) throw new Error(`nothing was found by ${id}`)
    }
    figures.addLatencies(`imports-${id}`, latencies)
  }
  const get = (url: string) => getJson(settlement, apiKey, url)
  const range = `from=${iso(from)}&to=${iso(to)}`
  for (const group of GROUPS) {
    await ask(group, QUERIES, async () => {
      const { spend } = (await get(`/v1/spend?${range}&group=${group}`)) as { spend: object[] }
      return spend.length
    })
  }
  const month = new Date(to - 45 * DAY_MS).toISOString().slice(0, 7)
  await ask('showback', RAW_QUERIES, async () => {
    const { lines } = (await get(`/v1/showback?month=${month}`)) as { lines: object[] }
    return lines.length
  })
  await ask('raw', RAW_QUERIES, async () => {
    const cells = await settlement.store.outsideCells({ organization, from, to })
    return cells.length
  })
}

async function newOrganization(settlement: Settlement) {
  const answer = await settlement.app.inject({
    method: 'POST',
    url: '/v1/admin/organizations',
    headers: { authorization: `Bearer ${settlement.operatorToken}` },
    payload: { name: 'Bench', lawfulBasis: 'contract' },
  })
  return answer.json() as { organization: string; apiKey: string }
}

async function getJson({ app }: Settlement, key: string, url: string): Promise<unknown> {
  const answer = await app.inject({ url, headers: { authorization: `Bearer ${key}` } })
  if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode} ${answer.body}`)
  return answer.json()
}

const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`
