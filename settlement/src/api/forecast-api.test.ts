import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PGliteStore } from '../db/pglite.ts'
import { DAY_MS } from '../forecast/daily-series.ts'
import { FORECAST_JOBS } from '../forecast/jobs.ts'
import { madeSeries } from '../forecast/testing/made-series.ts'
import { type SeededDay, seedSpend } from '../forecast/testing/seed-spend.ts'
import { type Ingest, openIngest } from '../ingest/ingest-service.ts'
import { createApiKey } from '../tenants/api-key.ts'
import { openTestStore } from '../testing/database-template.ts'
import { allowProcessing, NOW, type TestContext, testContext } from '../testing/market.ts'
import { type App, createApp } from './app.ts'

const DAYS = 60
const TODAY = Math.floor(NOW / DAY_MS) * DAY_MS
const HOUR_MS = DAY_MS / 24

let store: PGliteStore
let context: TestContext
let app: App
let ingest: Ingest
beforeAll(async () => {
  store = await openTestStore()
  context = testContext(store)
  ingest = openIngest({ context, verifyThreads: 0 })
  app = await createApp(context, { operatorToken: 'operators only', ingest })
})
afterAll(async () => {
  await app.close()
  await ingest[Symbol.asyncDispose]()
  await store.close()
})

async function organization(id: string) {
  const { key, prefix, hash } = createApiKey()
  await store.createOrganization({ id, name: id, key: { prefix, hash }, consumers: [], at: NOW })
  await allowProcessing(store, id)
  const ask = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const headers = { authorization: `Bearer ${key}` }
    const { statusCode, body } = await app.inject({
      method,
      url,
      headers,
      ...(payload && { payload }),
    })
    return { status: statusCode, body: JSON.parse(body) }
  }
  return { id, ask }
}

/** About 24 euro a day of one model, until yesterday. */
const usual = (): SeededDay[] =>
  madeSeries({ days: DAYS, noise: 0.05 }, 9).map((value, i) => ({
    day: TODAY - (DAYS - i) * DAY_MS,
    model: 'm/small',
    provider: 'peer-one',
    euro: (value * 24) / 1000,
  }))

const run = (name: string) =>
  FORECAST_JOBS.find((job) => job.name === name)?.work(context, new AbortController().signal)

test('an organization sees its days ahead, its models and its month, and nobody else’s', async () => {
  context.clock.now = NOW
  const { id, ask } = await organization('org_steady')
  const other = await organization('org_silent')
  await seedSpend(store, id, usual())
  const { status, body } = await ask('GET', '/v1/forecast?days=3')
  expect(status).toBe(200)
  expect(body).toMatchObject({ historyDays: DAYS, class: 'smooth', model: 'mixture' })
  expect(body.days).toHaveLength(3)
  expect(body.backTest.mase).toBeLessThan(body.backTest.naive.mase)
  const euro = Number(body.days[0].amount) / 1e12
  expect(euro).toBeGreaterThan(15)
  expect(euro).toBeLessThan(35)
  expect(body.models).toMatchObject([{ model: 'm/small', days: [{}, {}, {}] }])
  expect(BigInt(body.month.amount)).toBeGreaterThan(BigInt(body.month.before))
  expect(BigInt(body.month.upper)).toBeGreaterThan(BigInt(body.month.lower))
  expect((await other.ask('GET', '/v1/forecast')).body).toMatchObject({
    historyDays: 0,
    class: 'unknown',
    month: { amount: '0' },
  })
})

test('a forecast is made once for the days behind it, and anew when one of them changes', async () => {
  const { id, ask } = await organization('org_cached')
  await seedSpend(store, id, usual())
  const first = (await ask('GET', '/v1/forecast')).body
  const kept = await store.keptForecast(id)
  expect((await ask('GET', '/v1/forecast')).body).toEqual(first)
  expect(await store.keptForecast(id)).toEqual(kept)
  await seedSpend(store, id, [{ ...(usual().at(-1) as SeededDay), euro: 4 }])
  expect((await ask('GET', '/v1/forecast')).body.days).not.toEqual(first.days)
  expect((await store.keptForecast(id))?.revision).not.toBe(kept?.revision)
})

test('what today has cost already is not forecast away', async () => {
  const { id, ask } = await organization('org_today')
  await seedSpend(store, id, usual())
  await seedSpend(store, id, [{ day: TODAY, model: 'm/small', provider: 'p', euro: 480 }])
  const { body } = await ask('GET', '/v1/forecast')
  expect(body.days[0]).toMatchObject({ amount: '480000000000000', lower: '480000000000000' })
  expect(BigInt(body.month.lower)).toBeGreaterThanOrEqual(480_000_000_000_000n)
})

test('an unusual yesterday is found once, explained, told, and acknowledged with a reason', async () => {
  const { id, ask } = await organization('org_burst')
  await seedSpend(
    store,
    id,
    usual().map((day) => ({ ...day, key: 'hanse_web' })),
  )
  const yesterday = TODAY - DAY_MS
  const burst = {
    day: yesterday,
    model: 'm/large',
    provider: 'peer-two',
    euro: 38,
    key: 'hanse_ci',
  }
  await seedSpend(store, id, [{ ...burst, hours: [14, 24] }])
  await run('anomalies')
  await run('anomalies')
  const { body } = await ask('GET', '/v1/anomalies?open=true')
  expect(body.anomalies).toHaveLength(1)
  const [anomaly] = body.anomalies
  expect(anomaly).toMatchObject({ direction: 'up', hours: 24, severity: 'urgent' })
  expect(anomaly.explanation).toMatchObject({ startedHour: 14 })
  expect(anomaly.explanation.summary).toContain('model m/large (+38.00 of +')
  expect(anomaly.explanation.contributions).toContainEqual(
    expect.objectContaining({ dimension: 'provider', key: 'peer-two', change: '38.000000' }),
  )
  expect(anomaly.explanation.contributions).toContainEqual(
    expect.objectContaining({ dimension: 'key', key: 'hanse_ci', change: '38.000000' }),
  )
  const notices = await store.notices({ organization: id, limit: 10 })
  expect(notices).toMatchObject([{ kind: 'spend-anomaly', cause: `${anomaly.day}/up` }])
  const { rows } = await store.executeSql(
    'select kind, severity, facts from notification_event where organization = $1',
    [id],
  )
  expect(rows).toMatchObject([{ kind: 'spend.anomaly', severity: 'urgent' }])

  const url = `/v1/anomalies/${anomaly.id}/acknowledge`
  expect((await ask('POST', url, { reason: ' ' })).status).toBe(400)
  const stranger = await organization('org_stranger')
  expect((await stranger.ask('POST', url, { reason: 'mine' })).status).toBe(404)
  expect((await stranger.ask('GET', '/v1/anomalies')).body.anomalies).toEqual([])
  const done = await ask('POST', url, { reason: 'the evaluation of November' })
  expect(done.body).toMatchObject({ reason: 'the evaluation of November', acknowledgedAt: NOW })
  const again = await ask('POST', url, { reason: 'something else' })
  expect(again.body).toMatchObject({ reason: 'the evaluation of November' })
  expect((await ask('GET', '/v1/anomalies?open=true')).body.anomalies).toEqual([])
  expect((await ask('GET', '/v1/anomalies?open=false')).body.anomalies).toHaveLength(1)
})

test('where every hour costs something, a day is found unusual before it is over', async () => {
  const { id, ask } = await organization('org_dense')
  await seedSpend(store, id, usual())
  const morning = { day: TODAY, model: 'm/large', provider: 'p', euro: 30 }
  await seedSpend(store, id, [{ ...morning, hours: [3, 6] }])
  context.clock.now = TODAY + 6 * HOUR_MS
  await run('anomalies')
  context.clock.now = NOW
  const { body } = await ask('GET', '/v1/anomalies')
  expect(body.anomalies).toMatchObject([
    { hours: 6, direction: 'up', explanation: { startedHour: 3 } },
  ])
})
