import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RulesFeed } from '@hanse/node'
import { MODEL, openGateway, ScriptedEngine, saying } from '@hanse/node/testing'
import { openSettlement } from '@hanse/settlement'
import { prepareDataDir } from '@hanse/settlement/testing'
import { afterAll, beforeAll, test } from 'vitest'

const BUDGET = { name: 'everything', window: { kind: 'day' } }
/** The second that is promised, and as much again for a machine that does other things too. */
const BOUND_MS = 2_000

const stack = new AsyncDisposableStack()
let folder = ''
let settlement: Awaited<ReturnType<typeof openSettlement>>
let gateway: Awaited<ReturnType<typeof openGateway>>
let apiKey = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-budgets-'))
  stack.defer(async () => await rm(folder, { recursive: true, force: true }))
  await prepareDataDir(join(folder, 'settlement'))
  settlement = await openSettlement({ dataDir: join(folder, 'settlement'), network: 'test' })
  const { operatorToken } = settlement
  const owner = { name: 'Those who spend', consumers: [], lawfulBasis: 'contract' }
  const made = await call<{ apiKey: string }>(
    'POST',
    '/v1/admin/organizations',
    operatorToken,
    owner,
  )
  apiKey = made.apiKey
  const engine = new ScriptedEngine()
  engine.on('Speak.', () => saying(' word', ' word'))
  gateway = stack.use(await openGateway([engine], { keys: { anna: {} }, rules: {} }))
})
afterAll(async () => {
  await stack.disposeAsync()
})

async function call<Answer>(method: string, path: string, token: string, body: object) {
  const response = await fetch(`${settlement.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  })
  assert.equal(response.status, 200, path)
  return (await response.json()) as Answer
}

const rulesPath = () => join(folder, 'organization-rules.json')

async function follow(failures: Error[] = []): Promise<RulesFeed> {
  const { organization } = gateway.rules
  assert.ok(organization !== undefined)
  return await RulesFeed.open({
    url: settlement.url,
    apiKey,
    path: rulesPath(),
    now: Date.now,
    onRules: (rules, at) => organization.change(rules, at),
    onConfirmed: (at) => organization.confirm(at),
    onFailure: (error) => failures.push(error),
    report: () => undefined,
  })
}

const set = (method: 'POST' | 'PUT', path: string, amount: string) =>
  call<{ id: string }>(method, path, apiKey, { ...BUDGET, amount })

async function ask(): Promise<number> {
  const response = await gateway.post(
    '/v1/chat/completions',
    { model: MODEL, messages: [{ role: 'user', content: 'Speak.' }], max_tokens: 10 },
    { authorization: `Bearer ${gateway.secrets.anna}` },
  )
  await response.arrayBuffer()
  return response.status
}

/** Asks until the answer is this one. @returns how long it took, ms */
async function until(status: number, boundMs: number): Promise<number> {
  const began = performance.now()
  while ((await ask()) !== status)
    assert.ok(performance.now() - began < boundMs, `no ${status} within ${boundMs} ms`)
  return performance.now() - began
}

test('a gateway refuses within a second of a budget’s change, and goes on doing so while settlement is away', async () => {
  const feed = stack.use(await follow())
  const { id } = await set('POST', '/v1/budgets', '1000000')
  while (gateway.rules.organization?.rules?.budgets.length !== 1) await ask()
  assert.equal(await ask(), 200)
  await set('PUT', `/v1/budgets/${id}`, '1')
  await until(402, BOUND_MS)
  await set('PUT', `/v1/budgets/${id}`, '1000000')
  await until(200, BOUND_MS)
  await set('PUT', `/v1/budgets/${id}`, '1')
  await until(402, BOUND_MS)
  const { revision } = gateway.rules.organization.rules
  // The rules are written down after they count.
  while (!(await readFile(rulesPath(), 'utf8')).includes(`"revision":"${revision}"`)) await ask()
  await settlement[Symbol.asyncDispose]()
  assert.equal(await ask(), 402)
  await feed[Symbol.asyncDispose]()
  // Another start, while nobody answers: what was kept counts.
  const failures: Error[] = []
  gateway.rules.organization.change(
    { ...gateway.rules.organization.rules, budgets: [], revision: '0' },
    undefined,
  )
  assert.equal(await ask(), 200)
  await using _again = await follow(failures)
  assert.equal(await ask(), 402)
  while (failures.length === 0) await ask()
})
