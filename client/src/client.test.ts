import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSettlement, type Settlement } from '@hanse/settlement'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Answer,
  ApiError,
  type Body,
  type Client,
  createClient,
  parseEuro,
  picoOf,
  type Row,
} from './index.ts'

let opened: AsyncDisposableStack
let settlement: Settlement
let client: Client

beforeAll(async () => {
  await using stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'hanse-client-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  settlement = stack.use(await openSettlement({ dataDir, network: 'test', verifyThreads: 0 }))
  client = await organization('Client GmbH')
  opened = stack.move()
}, 120_000)
afterAll(() => opened.disposeAsync())

async function organization(name: string): Promise<Client> {
  const { url: baseUrl, operatorToken } = settlement
  const operator = createClient({ baseUrl, apiKey: operatorToken })
  const { apiKey } = await operator.post('/v1/admin/organizations', {
    body: { name, consumers: [] },
  })
  return createClient({ baseUrl, apiKey })
}

const BUDGET: Body<'/v1/budgets', 'post'> = {
  name: 'All of it',
  amount: String(parseEuro('12.50')),
  window: { kind: 'month' },
  thresholds: [{ percent: 80, action: 'notify' }],
}

test('a budget is made, read, replaced and removed', async () => {
  const { id, amount } = await client.post('/v1/budgets', { body: BUDGET })
  expect(picoOf(amount)).toBe(12_500_000_000_000n)
  const at = { params: { path: { id } } }
  expect((await client.get('/v1/budgets/{id}', at)).name).toBe('All of it')
  await client.put('/v1/budgets/{id}', { ...at, body: { ...BUDGET, name: 'Half' } })
  const { budgets } = await client.get('/v1/budgets')
  expect(budgets.map(({ name }) => name)).toEqual(['Half'])
  await client.delete('/v1/budgets/{id}', at)
  const gone = client.get('/v1/budgets/{id}', at)
  await expect(gone).rejects.toMatchObject({ code: 'HANSE_NOT_FOUND', status: 404 })
})

test('a refusal says what happened and what to do', async () => {
  const stranger = createClient({ baseUrl: settlement.url, apiKey: 'hanse_nobody' })
  const error = await stranger.get('/v1/balance').catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ApiError)
  expect(error).toMatchObject({ code: 'HANSE_UNAUTHENTICATED', status: 401, retry: false })
  expect((error as ApiError).message).toMatch(/bearer token.*HANSE_UNAUTHENTICATED.*\.$/u)
})

test('a list is read over its pages, row by row', async () => {
  const names = ['one', 'two', 'three', 'four', 'five']
  for (const name of names) {
    await client.post('/v1/keys', { body: { name, scopes: ['read'] } })
  }
  const query = { params: { query: { limit: 2 } } }
  const found: string[] = []
  for await (const { name } of client.each('/v1/keys', query)) found.push(name)
  expect(found).toEqual(expect.arrayContaining(names))
  const sizes: number[] = []
  for await (const { keys } of client.pages('/v1/keys', query)) sizes.push(keys.length)
  expect(sizes.slice(0, 2)).toEqual([2, 2])
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(found.length)
})

test('money is moved once, however often the same key is sent', async () => {
  const payer = await organization('Payer GmbH')
  const body = { cents: '5000', paymentMethod: 'pm_card_bypassPending' }
  const headers = { 'idempotency-key': 'the-same' }
  const first = await payer.post('/v1/top-ups', { body, headers })
  const again = await payer.post('/v1/top-ups', { body, headers })
  expect(again.id).toBe(first.id)
  await payer.post('/v1/top-ups', { body })
  const topUps: bigint[] = []
  for await (const { cents } of payer.each('/v1/top-ups')) topUps.push(BigInt(cents))
  expect(topUps).toEqual([5000n, 5000n])
})

test('a file is sent and fetched as it is', async () => {
  const line = '{"id":"a","startTime":"2026-11-01T10:00:00Z","model":"gpt-4o"}'
  const imported = await client.post('/v1/imports/{format}', {
    params: { path: { format: 'litellm' }, query: { dryRun: 'true' } },
    body: line,
    headers: { 'content-type': 'application/x-ndjson' },
  })
  expect(imported.accepted + imported.rejectedCount).toBe(1)
  const day = (daysAgo: number) =>
    new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10)
  const csv = await client.get('/v1/exports/focus', {
    params: { query: { from: day(2), to: day(1) } },
    parseAs: 'text',
  })
  expect(csv).toContain('BilledCost')
})

test('what was refused is sent once more where that may help, and no more than once', async () => {
  const asked: string[] = []
  const answers = [403, 200, 403, 403, 403]
  const patient = createClient({
    baseUrl: 'https://settlement.example',
    onRefused: async ({ code }, method) => {
      asked.push(`${method} ${code}`)
      return asked.length < 3
    },
    fetch: async () => {
      const status = answers.shift() ?? 500
      const body =
        status === 200
          ? { terms: 1 }
          : { code: 'HANSE_SIGN_IN_AGAIN', title: 'again', detail: 'too old', retry: false }
      return Response.json(body, { status })
    },
  })
  expect(await patient.get('/v1/terms')).toEqual({ terms: 1 })
  const refused = { code: 'HANSE_SIGN_IN_AGAIN' }
  await expect(patient.get('/v1/terms')).rejects.toMatchObject(refused)
  expect(answers).toHaveLength(1)
  await expect(patient.get('/v1/terms')).rejects.toMatchObject(refused)
  expect(answers).toHaveLength(0)
  expect(asked).toEqual(Array.from({ length: 3 }, () => 'get HANSE_SIGN_IN_AGAIN'))
})

test('nobody there is told as that', async () => {
  const nowhere = createClient({ baseUrl: 'http://127.0.0.1:1', apiKey: 'k', attempts: 1 })
  const asked = nowhere.get('/v1/balance')
  await expect(asked).rejects.toMatchObject({ code: 'HANSE_SETTLEMENT_UNAVAILABLE', retry: true })
})

test('the types know each route, what it takes and what it answers', () => {
  // Never run: what it says is checked with the types.
  const typed = async (): Promise<void> => {
    const { budgets } = await client.get('/v1/budgets')
    const amount: string | undefined = budgets[0]?.amount
    const row: Row<'/v1/keys'>['prefix'] = String(amount)
    const name: Answer<'/v1/budgets', 'get'>['budgets'][number]['name'] = row
    // @ts-expect-error a parameter of the path is missing
    await client.get('/v1/budgets/{id}')
    // @ts-expect-error there is no such route
    await client.get(`/v1/nope/${name}`)
    // @ts-expect-error a member of the body is of another type
    await client.post('/v1/budgets', { body: { ...BUDGET, name: 1 } })
    // @ts-expect-error parameters of the query are missing
    client.each('/v1/usage')
    // @ts-expect-error this list has no pages
    client.each('/v1/budgets')
  }
  expect(typed).toBeTypeOf('function')
})
