import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, test } from 'vitest'
import type { ProviderRow } from '../consumer/routing/index.ts'
import { NodeStore } from '../store/node-store.ts'
import { openRules, type Rules } from './open-rules.ts'
import { openGateway, type TestGateway } from './testing/open-gateway.ts'
import { MODEL, ScriptedEngine } from './testing/scripted-engine.ts'

const PATH = '/hanse/v1/providers'
const OWNER_KEY = 'owner'

let rules: Rules
let gateway: TestGateway
const stack = new AsyncDisposableStack()

beforeAll(async () => {
  const store = stack.use(new NodeStore(':memory:'))
  rules = stack.use(
    openRules(
      {
        apiKey: OWNER_KEY,
        anonymous: 'off',
        budget: undefined,
        budgetPeriod: 'month',
        defaultMaxTokens: 100,
        lawfulBasis: undefined,
        retainRequestsDays: 1,
        retainOpeningsDays: 1,
        retainMetadataDays: 1,
      },
      {
        store,
        euAudit: false,
        note: () => {},
        now: Date.now,
        random: (bytes) => new Uint8Array(randomBytes(bytes)),
        log: pino({ level: 'silent' }),
      },
    ),
  )
  const engines = [new ScriptedEngine(), new ScriptedEngine()]
  gateway = stack.use(await openGateway(engines, { gate: rules.gate }))
})
afterAll(async () => await stack.disposeAsync())

const get = async (query = '', headers: Record<string, string> = {}): Promise<Response> =>
  await fetch(gateway.url + PATH + query, {
    headers: { authorization: `Bearer ${OWNER_KEY}`, ...headers },
  })

async function rowsOf(query: string): Promise<readonly ProviderRow[]> {
  const response = await get(query)
  const body = (await response.json()) as { providers: readonly ProviderRow[] }
  assert.equal(response.status, 200, JSON.stringify(body))
  return body.providers
}

test('the owner sees how each provider stands, and what that rests on', async () => {
  const [first] = gateway.market.providers
  const headers = { authorization: `Bearer ${OWNER_KEY}`, 'x-hanse-only': first ?? '' }
  const body = { model: MODEL, messages: [{ role: 'user', content: 'hi' }] }
  const answer = await gateway.post('/v1/chat/completions', body, headers)
  assert.equal(answer.status, 200)
  await answer.arrayBuffer()
  const rows = await rowsOf(`?model=${MODEL}`)
  assert.deepEqual(
    rows.map(({ provider }) => provider).toSorted(),
    gateway.market.providers.toSorted(),
  )
  assert.equal(rows[0]?.score, 1)
  assert.ok(rows.every(({ score, state }) => score <= 1 && state === 'closed'))
  const used = rows.find(({ provider }) => provider === first)
  const other = rows.find(({ provider }) => provider !== first)
  assert.ok(used !== undefined && other !== undefined)
  assert.equal(used.measured.errorRate, 0)
  assert.ok((used.measured.firstTokenP95Ms ?? 0) >= (used.measured.firstTokenP50Ms ?? Infinity))
  assert.equal(used.running, 0)
  assert.equal(used.inputPrice, '1')
  assert.equal(used.parts.evidenceLevel, 0)
  assert.deepEqual(other.measured, {
    firstTokenP50Ms: null,
    firstTokenP95Ms: null,
    tokensPerSecond: null,
    errorRate: null,
    refuted: null,
    observations: 0,
  })
})

test('of all models, of one by its shortcut, and of one that nobody offers', async () => {
  assert.equal((await rowsOf('')).length, 2)
  assert.equal((await rowsOf(`?model=${MODEL}:floor`)).length, 2)
  assert.deepEqual(await rowsOf('?model=test/nobody'), [])
  assert.equal((await get('?model=a&model=b')).status, 400)
})

test('a page of another origin, a virtual key, and a stranger see nothing of it', async () => {
  const { secret } = rules.book.create('somebody', {})
  assert.equal((await get('', { origin: 'https://example.org' })).status, 403)
  assert.equal((await get('', { authorization: `Bearer ${secret}` })).status, 403)
  assert.equal((await get('', { authorization: '' })).status, 401)
})
