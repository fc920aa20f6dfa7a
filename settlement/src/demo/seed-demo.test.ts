import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSettlement, type Settlement } from '../settlement.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { DAYS, dayOf, sessionsOf } from './recipe.ts'
import { type DemoSeed, seedDemo } from './seed-demo.ts'

/** 2026-11-10T12:00:00Z */
const NOW = 1_794_312_000_000
const SHORT = 8

let opened: AsyncDisposableStack
let settlement: Settlement
let seeded: DemoSeed
const clock = { now: NOW }

beforeAll(async () => {
  await using stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'hanse-demo-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  await prepareDataDir(dataDir)
  const options = { dataDir, network: 'demo', verifyThreads: 0, now: () => clock.now }
  settlement = stack.use(await openSettlement(options))
  seeded = await seedDemo(settlement, clock, { days: SHORT })
  opened = stack.move()
}, 120_000)
afterAll(() => opened.disposeAsync())

async function ask<Answer>(url: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${seeded.apiKey}` }
  const answer = await settlement.app.inject({ url, headers })
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.json()
}

const isoDay = (number: number) => new Date(dayOf(NOW, number)).toISOString().slice(0, 10)
const days = `from=${isoDay(DAYS - SHORT)}&to=${isoDay(DAYS)}`
const range = `from=${new Date(dayOf(NOW, 0)).toISOString()}&to=${new Date(dayOf(NOW, DAYS)).toISOString()}`

test('all of it goes through the books, which add up', async () => {
  expect((await settlement.store.ledgerCheck()).balanced).toBe(true)
  const { usage } = await ask<{ usage: { sessions: string }[] }>(`/v1/usage?${range}&group=key`)
  const sessions = usage.reduce((sum, one) => sum + Number(one.sessions), 0)
  expect(usage).toHaveLength(4)
  expect(sessions).toBe(seeded.sessions)
})

test('there is something to see on every page', async () => {
  const { budgets } = await ask<{ budgets: { state: { spent: string } }[] }>('/v1/budgets')
  expect(budgets.map(({ state }) => BigInt(state.spent) > 0n)).toEqual([true, true, true])
  const { members } = await ask<{ members: unknown[] }>('/v1/members')
  const { documents } = await ask<{ documents: unknown[] }>('/v1/documents')
  const { bills } = await ask<{ bills: unknown[] }>('/v1/bills')
  const { spend } = await ask<{ spend: { key: string }[] }>(`/v1/spend?${range}&group=source`)
  const { returns } = await ask<{ returns: unknown[] }>(`/v1/returns?${range}`)
  expect(members).toHaveLength(4)
  expect(documents.length).toBeGreaterThan(0)
  expect(bills).toHaveLength(1)
  expect(spend.map(({ key }) => key)).toEqual(['hanse', 'litellm'])
  expect(returns.length).toBeGreaterThan(0)
})

test('its sessions have come to an end, as sessions of nodes do, and say whom they were for', async () => {
  const { receipts } = await ask<{ receipts: { final: string | null; sequence: string }[] }>(
    '/v1/receipts?limit=500',
  )
  expect(receipts.length).toBeGreaterThan(50)
  const ends = Map.groupBy(receipts, ({ final }) => final ?? 'none')
  expect(ends.has('none')).toBe(false)
  expect(ends.get('completed')?.length).toBeGreaterThan(receipts.length * 0.8)
  expect(receipts.some(({ sequence }) => Number(sequence) > 2)).toBe(true)

  const { costs } = await ask<{ costs: { key: string }[] }>(
    `/v1/costs?${days}&group=tag&limit=1000`,
  )
  const tags = new Set(costs.map(({ key }) => key))
  for (const tag of ['team:product', 'feature:chat', 'prompt:assistant-7'])
    expect([...tags]).toContain(tag)
  const users = await ask<{ costs: { key: string }[] }>(`/v1/costs?${days}&group=user&limit=1000`)
  expect(new Set(users.costs.map(({ key }) => key)).size).toBeGreaterThan(5)
})

test('how long people waited is known of each model', async () => {
  const { measurements } = await ask<{
    measurements: { key: string; good: string; firstToken: { observed: string; msP50: number } }[]
  }>(`/v1/service-levels/measurements?${range}&group=model`)
  expect(measurements).toHaveLength(3)
  for (const { good, firstToken } of measurements) {
    expect(firstToken.observed).toBe(good)
    expect(firstToken.msP50).toBeGreaterThan(100)
  }
})

test('it is not made where somebody is already, unless that is wanted', async () => {
  await expect(seedDemo(settlement, clock)).rejects.toThrow('there are organizations already')
})

test('the same days are always lived the same, and one of them is unlike the others', () => {
  const day = (number: number) => sessionsOf(dayOf(NOW, number), number)
  expect(day(5)).toEqual(day(5))
  const ofCi = (number: number) => day(number).filter(({ key }) => key === 3).length
  expect(ofCi(DAYS - 12)).toBeGreaterThan(3 * ofCi(DAYS - 19))
})
