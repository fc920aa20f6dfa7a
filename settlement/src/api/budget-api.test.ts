import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gatewayRulesSchema } from '@hanse/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSettlement, type Settlement } from '../settlement.ts'
import { createApiKey } from '../tenants/api-key.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { newSigner } from '../testing/deals.ts'
import { addTenant, type TestContext } from '../testing/market.ts'

const BUDGET = { name: 'all', amount: '5000000000000', window: { kind: 'month' } }

let folder: string
let settlement: Settlement
let key: string
let stranger: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-settlement-'))
  await prepareDataDir(folder)
  settlement = await openSettlement({ dataDir: folder, network: 'test' })
  key = await keyOf(await tenant())
  stranger = await keyOf(await tenant())
})
afterAll(async () => {
  await settlement[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const tenant = async () => (await addTenant(settlement.context as TestContext, 0n)).organization

async function keyOf(organization: string): Promise<string> {
  const made = createApiKey()
  await settlement.store.addKey({
    organization,
    prefix: made.prefix,
    hash: made.hash,
    name: 'test',
    scopes: ['read', 'spend', 'manage'],
    role: null,
    createdBy: 'test',
    expiresAt: null,
    requestsPerMinute: null,
    at: Date.now(),
  })
  return made.key
}

async function call(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  payload?: object,
  with_ = key,
) {
  const headers = { authorization: `Bearer ${with_}` }
  const {
    statusCode,
    body,
    headers: told,
  } = await settlement.app.inject({
    method,
    url,
    headers,
    ...(payload && { payload }),
  })
  return { status: statusCode, body: body === '' ? undefined : JSON.parse(body), headers: told }
}

describe('budgets over the API', () => {
  test('are set, changed, listed and removed by their organization alone', async () => {
    const made = await call('POST', '/v1/budgets', BUDGET)
    expect(made).toMatchObject({
      status: 200,
      body: {
        ...BUDGET,
        scope: {},
        thresholds: [{ percent: 100, on: 'spent', action: 'stop' }],
        state: { spent: '0', held: '0', amount: BUDGET.amount, crossed: [], forecast: null },
      },
    })
    const path = `/v1/budgets/${made.body.id}`
    const changed = { ...BUDGET, amount: '7', scope: { team: 'research' } }
    expect((await call('PUT', path, changed)).body).toMatchObject(changed)
    expect((await call('GET', path)).body.amount).toBe('7')
    expect((await call('GET', `${path}/history?limit=3`)).body.windows).toHaveLength(1)
    for (const [method, url] of [
      ['GET', path],
      ['PUT', path],
      ['DELETE', path],
      ['GET', `${path}/history`],
    ] as const)
      expect(
        (await call(method, url, method === 'PUT' ? changed : undefined, stranger)).status,
      ).toBe(404)
    expect((await call('GET', '/v1/budgets', undefined, stranger)).body.budgets).toEqual([])
    expect((await call('DELETE', path)).status).toBe(200)
    expect((await call('GET', '/v1/budgets')).body.budgets).toEqual([])
  })

  test('that contradict themselves are refused with the field', async () => {
    const answer = await call('POST', '/v1/budgets', {
      ...BUDGET,
      carryOver: true,
      window: { kind: 'rolling', days: 3 },
    })
    expect(answer).toMatchObject({ status: 400, body: { code: 'HANSE_REQUEST_INVALID' } })
    expect(answer.body.detail).toContain('carryOver')
  })

  test('wake a gateway that waits, with a document that it can read', async () => {
    const first = gatewayRulesSchema.parse((await call('GET', '/v1/gateway-rules')).body)
    const waiting = call('GET', `/v1/gateway-rules?after=${first.revision}&waitMs=20000`)
    await call('PUT', '/v1/teams/research', { keys: ['anna', 'anna'] })
    const { status, body, headers } = await waiting
    expect(status).toBe(200)
    const rules = gatewayRulesSchema.parse(body)
    expect(rules).toMatchObject({ teams: [{ name: 'research', keys: ['anna'] }] })
    expect(headers.etag).toBe(`"${rules.revision}"`)
    expect((await call('GET', `/v1/gateway-rules?after=${rules.revision}`)).status).toBe(304)
    expect((await call('GET', '/v1/gateway-rules', undefined, stranger)).body.teams).toEqual([])
  })

  test('count what gateways report, and nothing of another organization', async () => {
    const { body } = await call('POST', '/v1/budgets', { ...BUDGET, scope: { tag: 'evals' } })
    const report = {
      gateway: newSigner().peerId,
      budgets: [{ budget: body.id, from: body.state.from, spent: '12', held: '3' }],
    }
    expect((await call('POST', '/v1/gateway-rules/spend', report, stranger)).body.kept).toBe(0)
    expect((await call('POST', '/v1/gateway-rules/spend', report)).body.kept).toBe(1)
    const { state } = (await call('GET', `/v1/budgets/${body.id}`)).body
    expect(state).toMatchObject({ spent: '12', held: '3' })
  })

  test('begin their days in the time zone of the organization', async () => {
    expect((await call('PUT', '/v1/spending-settings', { timeZone: 'Mars/Olympus' })).status).toBe(
      400,
    )
    await call('PUT', '/v1/spending-settings', { timeZone: 'Europe/Berlin' })
    expect((await call('GET', '/v1/spending-settings')).body.timeZone).toBe('Europe/Berlin')
  })
})

describe('policies over the API', () => {
  const source = 'version = 1\n\n[[rules]]\nname = "place"\nregions = ["EU"]\nmax_tokens = 10\n'

  test('have versions, of which one counts', async () => {
    const add = (activate: boolean) =>
      call('POST', '/v1/policies', { source, format: 'toml', activate })
    expect((await add(false)).body).toEqual({ version: 1, isActive: false })
    const rules = () => call('GET', '/v1/gateway-rules')
    expect((await rules()).body.policy).toBeNull()
    await add(true)
    expect((await rules()).body.policy.rules).toEqual([
      { name: 'place', for: {}, regions: ['EU'], maxTokens: 10 },
    ])
    await call('POST', '/v1/policies/1/activate')
    const { policies } = (await call('GET', '/v1/policies')).body
    expect(policies.map((one: { isActive: boolean }) => one.isActive)).toEqual([false, true])
    expect((await call('GET', '/v1/policies/1')).body).toEqual({ format: 'toml', source })
    expect((await call('POST', '/v1/policies/9/activate')).status).toBe(404)
    expect((await call('GET', '/v1/policies/1', undefined, stranger)).status).toBe(404)
    await call('DELETE', '/v1/policies/active')
    expect((await rules()).body.policy).toBeNull()
  })

  test('that are wrong are refused with line and field', async () => {
    const wrong = source.replace('10', '"many"')
    const { body } = await call('POST', '/v1/policies/check', { source: wrong, format: 'toml' })
    expect(body).toMatchObject({
      valid: false,
      faults: [{ line: 6, field: 'rules[0].max_tokens' }],
    })
    const answer = await call('POST', '/v1/policies', { source: wrong, format: 'toml' })
    expect(answer).toMatchObject({ status: 400 })
    expect(answer.body.detail).toContain('policy:6: rules[0].max_tokens')
  })

  test('can be tried on the past', async () => {
    const { body } = await call('POST', '/v1/policies/dry-run', {
      source,
      format: 'toml',
      days: 30,
    })
    expect(body).toMatchObject({ sessions: 0, refused: 0, groups: [], isPartial: false })
  })
})
