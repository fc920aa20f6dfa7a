import { afterAll, beforeAll, expect, test } from 'vitest'
import { type App, createApp } from '../api/app.ts'
import type { SettlementStore } from '../db/store.ts'
import { openIngest } from '../ingest/ingest-service.ts'
import { ingest } from '../receipts/ingest.ts'
import { createApiKey } from '../tenants/api-key.ts'
import { openTestStore } from '../testing/database-template.ts'
import { makeDeal } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK, NOW, testContext } from '../testing/market.ts'

let store: SettlementStore
let app: App
let close: () => Promise<void>
beforeAll(async () => {
  store = await openTestStore()
  const context = testContext(store)
  const service = openIngest({ context, verifyThreads: 0 })
  app = await createApp(context, { operatorToken: 'op', ingest: service })
  close = async () => {
    await app.close()
    await service[Symbol.asyncDispose]()
    await store.close()
  }
})
afterAll(() => close())

/** An organization with settled sessions of a model; each costs ten tokens of input and so many of output. */
async function tenantWith(model: string, outputs: readonly number[]) {
  const context = testContext(store)
  const tenant = await addTenant(context, 1_000n)
  const provider = await addProvider(context)
  const authorization = await hold(context, tenant, provider, 100n * CENT, 60_000)
  const terms = { network: NETWORK, consumer: tenant.consumer, provider, authorization, at: NOW }
  const deals = outputs.map(() => makeDeal({ ...terms, orderChanges: { model } }))
  const items = deals.map((deal, i) => deal.submission(0, outputs[i] ?? 0, { final: 'completed' }))
  const results = await ingest(context, items)
  expect(results.map(({ status }) => status)).toEqual(outputs.map(() => 'booked'))
  const { key: apiKey, prefix, hash } = createApiKey()
  await store.addKey({
    organization: tenant.organization,
    prefix,
    hash,
    name: 'test',
    scopes: ['read', 'manage'],
    role: null,
    createdBy: 'test',
    expiresAt: null,
    requestsPerMinute: null,
    at: NOW,
  })
  return { apiKey, consumer: tenant.consumer.peerId, sessions: deals.map(({ session }) => session) }
}

const call = async (method: 'GET' | 'POST', url: string, key: string, payload?: object) => {
  const response = await app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${key}` },
    ...(payload !== undefined && { payload }),
  })
  return { status: response.statusCode, body: response.json() }
}

const range = `from=${encodeURIComponent(new Date(NOW - 1).toISOString())}&to=${encodeURIComponent(new Date(NOW + 60_000).toISOString())}`

test('verdicts are held against what the sessions cost, by model, prompt version and tag', async () => {
  const tenant = await tenantWith('m/one', [5, 7, 9])
  const cost = (tokens: number) => 10n * 100_000n + BigInt(tokens) * 200_000n
  const [first, second, third] = tenant.sessions
  const outcomes = [
    { session: first, good: true, promptVersion: 'v1', tags: ['a'] },
    { session: second, score: 0.4, promptVersion: 'v1', tags: ['a', 'b'] },
    { session: third, value: '7', promptVersion: 'v2' },
    { session: 'bafy-unknown', good: true, promptVersion: 'v2' },
  ]
  const posted = await call('POST', '/v1/outcomes', tenant.apiKey, { outcomes })
  expect(posted).toMatchObject({ status: 200, body: { received: 4, written: 4 } })
  expect((await call('POST', '/v1/outcomes', tenant.apiKey, { outcomes })).body.written).toBe(0)

  const byModel = await call('GET', `/v1/returns?${range}`, tenant.apiKey)
  const all = cost(5) + cost(7) + cost(9)
  expect(byModel.body.returns).toMatchObject([
    {
      key: 'm/one',
      outcomes: 3,
      settled: 3,
      good: 2,
      cost: `${all}`,
      value: '7',
      costPerGood: `${all / 2n}`,
    },
    { key: '', outcomes: 1, settled: 0, good: 1, cost: '0', costPerGood: null },
  ])
  const byVersion = await call('GET', `/v1/returns?${range}&group=promptVersion`, tenant.apiKey)
  expect(byVersion.body.returns).toMatchObject([
    { key: 'v1', outcomes: 2, good: 1, cost: `${cost(5) + cost(7)}` },
    { key: 'v2', outcomes: 2, good: 2, cost: `${cost(9)}` },
  ])
  const byTag = await call('GET', `/v1/returns?${range}&group=tag&threshold=0.4`, tenant.apiKey)
  expect(byTag.body.returns).toMatchObject([
    { key: 'a', outcomes: 2, good: 2 },
    { key: 'b', outcomes: 1, good: 1 },
  ])
})

test('tags and prompt versions that a verdict does not name are those of its session', async () => {
  const tenant = await tenantWith('m/noted', [5, 7])
  const note = { user: '', firstMs: null, totalMs: null, receipt: null, receiptAt: null }
  const tags = ['prompt:v7', 'team:web']
  const notes = tenant.sessions.map((session) => ({ ...note, session, tags }))
  await store.keepNotes(tenant.consumer, notes, NOW)
  const [first, second] = tenant.sessions
  const outcomes = [
    { session: first, good: true },
    { session: second, good: true, promptVersion: 'v8', tags: ['said'] },
  ]
  await call('POST', '/v1/outcomes', tenant.apiKey, { outcomes })
  const by = async (group: string) => {
    const { body } = await call('GET', `/v1/returns?${range}&group=${group}`, tenant.apiKey)
    return body.returns.map(({ key, outcomes: of }: { key: string; outcomes: number }) => [key, of])
  }
  expect((await by('promptVersion')).sort()).toEqual([
    ['v7', 1],
    ['v8', 1],
  ])
  expect((await by('tag')).sort()).toEqual([
    ['prompt:v7', 1],
    ['said', 1],
    ['team:web', 1],
  ])
})

test('the last word on a session counts, also within one request', async () => {
  const tenant = await tenantWith('m/two', [1])
  const [session] = tenant.sessions
  const say = (...verdicts: boolean[]) =>
    call('POST', '/v1/outcomes', tenant.apiKey, {
      outcomes: verdicts.map((good) => ({ session, good })),
    })
  expect((await say(false, true)).body).toEqual({ received: 2, written: 1 })
  const good = async () =>
    (await call('GET', `/v1/returns?${range}`, tenant.apiKey)).body.returns[0].good
  expect(await good()).toBe(1)
  await say(false)
  expect(await good()).toBe(0)
})

test('verdicts of others, and on sessions of others, are worth nothing to anybody', async () => {
  const [owner, stranger] = [await tenantWith('m/three', [3]), await tenantWith('m/four', [3])]
  await call('POST', '/v1/outcomes', stranger.apiKey, {
    outcomes: [{ session: owner.sessions[0], good: true }],
  })
  expect((await call('GET', `/v1/returns?${range}`, owner.apiKey)).body.returns).toEqual([])
  expect((await call('GET', `/v1/returns?${range}`, stranger.apiKey)).body.returns).toMatchObject([
    { key: '', settled: 0, cost: '0' },
  ])
})

test('a verdict that says nothing, and a range without end, are refused', async () => {
  const tenant = await tenantWith('m/five', [1])
  const nothing = await call('POST', '/v1/outcomes', tenant.apiKey, {
    outcomes: [{ session: 'x' }],
  })
  expect(nothing).toMatchObject({ status: 400, body: { code: 'HANSE_REQUEST_INVALID' } })
  const url = '/v1/returns?from=2020-01-01T00:00:00Z&to=2026-01-01T00:00:00Z'
  expect((await call('GET', url, tenant.apiKey)).status).toBe(400)
})
