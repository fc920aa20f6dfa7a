import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type App, createApp } from '../api/app.ts'
import type { PGliteStore } from '../db/pglite.ts'
import { openIngest } from '../ingest/ingest-service.ts'
import { openSettlement, type Settlement } from '../settlement.ts'
import { createApiKey } from '../tenants/api-key.ts'
import { openTestStore } from '../testing/database-template.ts'
import { addTenant, testContext } from '../testing/market.ts'
import { EventLoopWatch } from './event-loop.ts'
import { Operations } from './operations.ts'
import { reachable } from './reachable.ts'

vi.setConfig({ testTimeout: 60_000 })

const OPERATOR = 'the-operator-of-these-tests'
const SCRAPER = 'the-scraper-of-these-tests'

let store: PGliteStore
beforeAll(async () => {
  store = await openTestStore()
})
afterAll(() => store.close())

async function appWith(operations: Operations): Promise<App> {
  const context = testContext(store)
  const ingest = openIngest({ context, verifyThreads: 0 })
  return createApp(context, { operatorToken: OPERATOR, ingest, operations })
}

describe('readiness', () => {
  test('a process is ready while its database answers and nothing is scarce', async () => {
    const operations = new Operations({ stripeReachable: async () => false })
    const app = await appWith(operations)
    const ready = await app.inject('/readyz')
    expect(ready.json()).toEqual({ status: 'ok', warnings: ['stripe-unreachable'] })

    const full = operations.pressure.add(() => ({ what: 'some-queue', retryAfterMs: 1_500 }))
    expect(await app.inject('/readyz').then((r) => [r.statusCode, r.json().detail])).toEqual([
      503,
      'some-queue',
    ])
    full[Symbol.dispose]()
    expect((await app.inject('/readyz')).statusCode).toBe(200)

    await operations.drain(0)
    const stopping = await app.inject('/readyz')
    expect(stopping.json()).toMatchObject({ code: 'HANSE_NOT_READY', detail: 'stopping' })
    // It still serves, and asks for another connection next time.
    const served = await app.inject('/v1/identity')
    expect([served.statusCode, served.headers.connection]).toEqual([200, 'close'])
    await app.close()
  })

  test('a process whose database is gone is alive and not ready', async () => {
    const gone = await openTestStore()
    const context = testContext(gone)
    const app = await createApp(context, {
      operatorToken: OPERATOR,
      ingest: openIngest({ context, verifyThreads: 0 }),
    })
    await gone.close()
    expect((await app.inject('/readyz')).json()).toMatchObject({ detail: 'database' })
    expect((await app.inject('/healthz')).json()).toEqual({ status: 'ok' })
    await app.close()
  })

  test('an address is reachable while somebody listens there', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    let now = 0
    const is = reachable('127.0.0.1', port, () => now)
    expect(await is()).toBe(true)
    await new Promise((resolve) => server.close(resolve))
    expect(await is()).toBe(true)
    now = 30_000
    expect(await is()).toBe(false)
  })
})

describe('back-pressure', () => {
  test('what is too much is refused with retry-after, except for those who look after it', async () => {
    const operations = new Operations({ metricsToken: SCRAPER })
    const app = await appWith(operations)
    operations.pressure.add(() => ({ what: 'some-queue', retryAfterMs: 1_500 }))
    const refused = await app.inject('/v1/identity')
    expect(refused.statusCode).toBe(503)
    expect(refused.headers['retry-after']).toBe('2')
    expect(refused.json()).toMatchObject({ code: 'HANSE_OVERLOADED', retry: true })
    expect((await app.inject('/healthz')).statusCode).toBe(200)
    const metrics = await app.inject({
      url: '/metrics',
      headers: { authorization: `Bearer ${SCRAPER}` },
    })
    expect(metrics.body).toContain('hanse_http_refused_total{reason="some-queue"} 1')
    await app.close()
  })

  test('more requests at once than a process takes are refused, and their places come free again', async () => {
    const operations = new Operations({ limits: { requests: 2 } })
    const app = await appWith(operations)
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const ask = () => fetch(`${url}/v1/identity`).then((response) => response.status)
    const statuses = await Promise.all(Array.from({ length: 40 }, ask))
    expect(new Set(statuses)).toContain(200)
    await expect.poll(ask).toBe(200)
    expect((await operations.metrics.inFlight.get()).values[0]?.value).toBeLessThanOrEqual(1)
    await app.close()
  })

  test('an event loop that is slow second after second is told from one that is not', async () => {
    // Every delay is above this limit, none is above the other.
    const [always, never] = [new EventLoopWatch(-1_000), new EventLoopWatch(1e9)]
    expect(always.isOverloaded).toBe(false)
    await expect.poll(() => always.isOverloaded, { timeout: 30_000 }).toBe(true)
    expect(never.isOverloaded).toBe(false)
    always[Symbol.dispose]()
    never[Symbol.dispose]()
  })

  test('a full heap refuses requests', async () => {
    const app = await appWith(new Operations({ limits: { heapBytes: 1 } }))
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    const ask = () => fetch(`${url}/v1/identity`).then((response) => response.status)
    await expect.poll(ask, { timeout: 10_000 }).toBe(503)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    await app.close()
  })
})

describe('metrics', () => {
  test('are for those who have their token', async () => {
    const app = await appWith(new Operations({ metricsToken: SCRAPER }))
    for (const token of ['', OPERATOR]) {
      const headers = { authorization: `Bearer ${token}` }
      expect((await app.inject({ url: '/metrics', headers })).statusCode).toBe(401)
    }
    await app.inject('/v1/balance')
    await app.inject('/v1/no/such/thing')
    const { body, headers } = await app.inject({
      url: '/metrics',
      headers: { authorization: `Bearer ${SCRAPER}` },
    })
    expect(headers['content-type']).toContain('text/plain')
    expect(body).toContain(
      'hanse_http_requests_total{method="GET",route="/v1/balance",status="401"} 1',
    )
    expect(body).toContain('hanse_http_requests_total{method="GET",route="none",status="404"} 1')
    expect(body).toContain('process_cpu_seconds_total')
    await app.close()
  })
})

describe('a whole service', () => {
  let folder: string
  let settlement: Settlement
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hanse-operations-'))
    settlement = await openSettlement({
      dataDir: folder,
      network: 'test',
      operatorToken: OPERATOR,
      metricsToken: SCRAPER,
      verifyThreads: 0,
    })
  })
  afterAll(async () => {
    await settlement[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const ask = async (path: string, token: string, method = 'GET') => {
    const headers = { authorization: `Bearer ${token}` }
    return fetch(`${settlement.url}${path}`, { method, headers })
  }

  test('shows its jobs to the operator, and runs one when told', async () => {
    const run = await ask('/v1/admin/jobs/usage/runs', OPERATOR, 'POST')
    expect(await run.json()).toMatchObject({ state: 'done', output: { receipts: 0 } })
    const { jobs, dead } = (await (await ask('/v1/admin/jobs', OPERATOR)).json()) as {
      jobs: { name: string; last: { state: string } | null }[]
      dead: unknown[]
    }
    expect(jobs.find(({ name }) => name === 'usage')?.last?.state).toBe('done')
    expect(dead).toEqual([])
    expect((await ask('/v1/admin/jobs/nothing/runs', OPERATOR, 'POST')).status).toBe(404)
    expect((await ask('/v1/admin/jobs', SCRAPER)).status).toBe(401)
    const metrics = await (await ask('/metrics', SCRAPER)).text()
    expect(metrics).toContain('hanse_job_runs_total{job="usage",outcome="done"}')
    expect(metrics).toMatch(/hanse_log_entries \d/u)
  })

  test('shows operators its last hour, its queues and what it asked of Stripe', async () => {
    await settlement.payments.balance()
    await ask('/v1/identity', SCRAPER)
    // Every ten seconds it measures.
    const read = async () =>
      (await (await ask('/v1/admin/metrics', OPERATOR)).json()) as {
        startedAt: number
        samples: { at: number; periodMs: number; requests: { done: number }; memoryBytes: number }[]
        routes: { route: string; requests: { done: number }; p95Ms: number }[]
        queues: { queue: string; depth: number }[]
        stripe: { resource: string; done: number }[]
      }
    await expect.poll(async () => (await read()).samples.length, { timeout: 45_000 }).not.toBe(0)
    const { startedAt, samples, routes, queues, stripe } = await read()
    expect(samples[0]?.at).toBeGreaterThan(startedAt)
    expect(samples.reduce((sum, { requests }) => sum + requests.done, 0)).toBeGreaterThan(0)
    expect(samples.at(-1)?.memoryBytes).toBeGreaterThan(1e6)
    const identity = routes.find(({ route }) => route === '/v1/identity')
    expect(identity?.requests.done).toBeGreaterThan(0)
    expect(identity?.p95Ms).toBeGreaterThan(0)
    expect(queues.find(({ queue }) => queue === 'payouts')).toEqual({ queue: 'payouts', depth: 0 })
    expect(stripe.find(({ resource }) => resource === 'balance')?.done).toBeGreaterThan(0)
    const newest = samples.at(-1)?.at ?? 0
    const more = await (await ask(`/v1/admin/metrics?since=${newest}`, OPERATOR)).json()
    expect((more as { samples: { at: number }[] }).samples.every(({ at }) => at > newest)).toBe(
      true,
    )
    expect((await ask('/v1/admin/metrics', SCRAPER)).status).toBe(401)
    const text = await (await ask('/metrics', SCRAPER)).text()
    expect(text).toContain('hanse_stripe_requests_total{resource="balance",outcome="done"}')
  })

  test('writes a backup into its data directory when the operator says so', async () => {
    const made = (await (await ask('/v1/admin/backups', OPERATOR, 'POST')).json()) as object
    expect(made).toMatchObject({ folder: expect.stringContaining(join(folder, 'backups')) })
    expect((await ask('/v1/admin/backups', SCRAPER, 'POST')).status).toBe(401)
  })

  test('answers an organization with its own usage alone, page by page', async () => {
    const { store } = settlement
    const mine = await addTenant({ ...testContext(store) }, 0n)
    const { key, prefix, hash } = createApiKey()
    const row = (organization: string, day: number) =>
      store.executeSql(
        `insert into usage_daily values ($1, 'total', '', $2, 1, 2, 0, 3, 400, 100)`,
        [organization, `2026-11-0${day}T00:00:00Z`],
      )
    await store.executeSql('insert into api_key values ($1, $2, $3, now(), null)', [
      prefix,
      mine.organization,
      hash,
    ])
    for (const day of [1, 2, 3]) await row(mine.organization, day)
    await row('org_other', 2)
    const range = 'from=2026-11-01T00:00:00Z&to=2026-11-04T00:00:00Z'
    const first = await (await ask(`/v1/usage?${range}&limit=2`, key)).json()
    const sums = { sessions: '1', inputTokens: '2', outputTokens: '3', amount: '400', fee: '100' }
    expect(first).toMatchObject({
      usage: [
        { key: '2026-11-01T00:00:00Z', ...sums },
        { key: '2026-11-02T00:00:00Z', ...sums },
      ],
      next: '2026-11-02T00:00:00Z',
    })
    const { next } = first as { next: string }
    const second = await (await ask(`/v1/usage?${range}&limit=2&after=${next}`, key)).json()
    expect(second).toMatchObject({ usage: [{ key: '2026-11-03T00:00:00Z' }], next: null })
    const all = await (await ask(`/v1/admin/usage?${range}`, OPERATOR)).json()
    expect(all).toMatchObject({ usage: [{}, { sessions: '2' }, {}] })
    expect((await ask(`/v1/admin/usage?${range}`, key)).status).toBe(401)
    for (const bad of [
      'from=2026-11-01T00:30:00Z&to=2026-11-04T00:00:00Z',
      'from=2026-11-04T00:00:00Z&to=2026-11-01T00:00:00Z',
      'from=2016-11-04T00:00:00Z&to=2026-11-01T00:00:00Z',
      `${range}&group=week`,
    ]) {
      expect((await ask(`/v1/usage?${bad}`, key)).status).toBe(400)
    }
  })
})
