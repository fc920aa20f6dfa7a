import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { main } from '../cli/main.ts'
import { cardText, flatModel } from '../costs/testing/card-text.ts'
import { openSettlement, type Settlement } from '../settlement.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { NETWORK } from '../testing/market.ts'
import { seedUsage } from '../usage/testing/seed-usage.ts'

const FROM = Date.parse('2026-10-30T00:00:00Z')
const TO = Date.parse('2026-11-02T00:00:00Z')
const DAYS = { from: '2026-10-30', to: '2026-11-02' }
const COSTS = `/v1/costs?${new URLSearchParams(DAYS).toString()}`
const MODELS = Array.from({ length: 12 }, (_, i) => `model_${i}`)

let folder: string
let settlement: Settlement
let own: { organization: string; key: string }
let stranger: { organization: string; key: string }
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-costs-'))
  await prepareDataDir(folder)
  settlement = await openSettlement({ dataDir: folder, network: NETWORK, verifyThreads: 0 })
  own = await newOrganization()
  stranger = await newOrganization()
  await seedUsage(settlement.store, {
    rows: 600,
    organization: own.organization,
    from: FROM,
    to: TO,
  })
}, 180_000)
afterAll(async () => {
  await settlement[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function call(
  key: string,
  method: 'GET' | 'POST' | 'DELETE',
  url: string,
  payload?: object,
): Promise<{ status: number; body: unknown }> {
  const headers = { authorization: `Bearer ${key}` }
  for (;;) {
    const request = { method, url, headers, ...(payload !== undefined && { payload }) }
    const response = await settlement.app.inject(request)
    // A machine that does other things as well makes the service say: later.
    if (response.statusCode !== 503) return { status: response.statusCode, body: response.json() }
  }
}

async function newOrganization() {
  const { body } = await call(settlement.operatorToken, 'POST', '/v1/admin/organizations', {
    name: 'Test GmbH',
  })
  const { organization, apiKey } = body as { organization: string; apiKey: string }
  return { organization, key: apiKey }
}

const same = (entry: object) => Object.fromEntries(MODELS.map((model) => [model, entry]))
const importing = (key: string, content: string, query = '') =>
  call(key, 'POST', `/v1/rate-cards/import${query}`, { content })

test('what was paid is told by day and model, in pages that add up to the total', async () => {
  const all: { day: string; model: string; amount: string }[] = []
  let total = ''
  for (let after = ''; ; ) {
    const query = new URLSearchParams({ ...DAYS, limit: '10', ...(after !== '' && { after }) })
    const { status, body } = await call(own.key, 'GET', `/v1/costs?${query.toString()}`)
    expect(status).toBe(200)
    const page = body as { costs: typeof all; total: { amount: string }; next: string | null }
    all.push(...page.costs)
    total = page.total.amount
    if (page.next === null) break
    after = page.next
  }
  expect(new Set(all.map(({ day, model }) => `${day} ${model}`)).size).toBe(all.length)
  const pico = (text: string) => {
    const [whole = '', fraction = ''] = text.split('.')
    return BigInt(whole + fraction.padEnd(12, '0'))
  }
  expect(all.reduce((sum, { amount }) => sum + pico(amount), 0n)).toBe(pico(total))
  const theirs = await call(stranger.key, 'GET', COSTS)
  expect(theirs.body).toMatchObject({ costs: [], total: { amount: '0' }, next: null })
  expect((await call('hanse_nobody', 'GET', COSTS)).status).toBe(401)
})

test('an organization tries, imports and lists a card, and asks what its usage would have cost', async () => {
  const content = cardText('negotiated', same(flatModel('2', '8')))
  const tried = await importing(own.key, content, '?dryRun=true')
  expect(tried.body).toMatchObject({ outcome: 'dry-run', version: 0, diff: { added: MODELS } })
  const { body: imported } = await importing(own.key, content)
  expect(imported).toMatchObject({ outcome: 'published', version: 1 })
  const slip = cardText('negotiated', same(flatModel('200', '8')))
  expect((await importing(own.key, slip)).body).toMatchObject({
    status: 409,
    code: 'HANSE_RATE_CARD_SUSPICIOUS',
  })
  expect((await importing(own.key, '{"format": 1}')).body).toMatchObject({
    code: 'HANSE_RATE_CARD_INVALID',
  })

  const { id } = imported as { id: string }
  const listed = await call(own.key, 'GET', '/v1/rate-cards?card=negotiated')
  expect(listed.body).toMatchObject({ rateCards: [{ id, version: 1, models: 12 }], next: null })
  expect((await call(own.key, 'GET', `/v1/rate-cards/${id}`)).body).toMatchObject({
    content: { models: { model_1: { prices: { input: '2', output: '8' } } } },
  })
  expect((await call(stranger.key, 'GET', `/v1/rate-cards/${id}`)).status).toBe(404)

  const asked = { ...DAYS, card: 'negotiated', group: 'model' }
  const rates = [{ from: 'USD', to: 'EUR', date: '2026-10-01', rate: '0.86' }]
  const { body } = await call(own.key, 'POST', '/v1/costs/what-if', {
    ...asked,
    rates,
    currency: 'EUR',
  })
  const { rows } = await settlement.store.executeSql(
    `select trim_scale(sum(input_tokens * 2 + output_tokens * 8)::numeric * 0.86 / 1000000)::text as cost
     from usage where organization = $1`,
    [own.organization],
  )
  expect(body).toMatchObject({
    totals: [{ currency: 'EUR', ...(rows[0] as object) }],
    versions: [id],
    leftOut: [],
  })
  expect((body as { rows: object[] }).rows).toHaveLength(12)
  const unknown = await call(own.key, 'POST', '/v1/costs/what-if', { ...asked, card: 'nothing' })
  expect(unknown.body).toMatchObject({ code: 'HANSE_NOT_FOUND' })
  const long = await call(own.key, 'POST', '/v1/costs/what-if', { ...asked, from: '2020-01-01' })
  expect(long.body).toMatchObject({ code: 'HANSE_REQUEST_INVALID' })
})

test('a card of an organization is not fetched from the service’s own machine', async () => {
  const url = `${settlement.url}/v1/terms`
  const { body } = await call(own.key, 'POST', '/v1/rate-cards/import', { url, card: 'inside' })
  expect(body).toMatchObject({ status: 422, code: 'HANSE_RATE_CARD_ADDRESS' })
  const both = await call(own.key, 'POST', '/v1/rate-cards/import', { url, content: '{}' })
  expect(both.status).toBe(400)
})

test('a key that may only look reads cards and costs, and imports nothing', async () => {
  const made = await call(own.key, 'POST', '/v1/keys', { name: 'looks', scopes: ['read'] })
  const { apiKey } = made.body as { apiKey: string }
  expect((await call(apiKey, 'GET', '/v1/rate-cards')).status).toBe(200)
  const asked = { ...DAYS, card: 'negotiated' }
  expect((await call(apiKey, 'POST', '/v1/costs/what-if', asked)).status).toBe(200)
  expect((await importing(apiKey, cardText('mine', {}))).body).toMatchObject({ status: 403 })
})

test('an operator imports a card from the command line, and asks on behalf of a customer', async () => {
  const program = async (...args: string[]) => {
    const port = new URL(settlement.url).port
    const flags = ['--data-dir', folder, '--network', NETWORK, '--port', port]
    const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true)
    try {
      await main(['node', 'hanse-settlement', ...args, ...flags])
      return JSON.parse(String(written.mock.calls[0]?.[0])) as object
    } finally {
      written.mockRestore()
    }
  }
  const file = join(folder, 'card.json')
  await writeFile(file, cardText('outside', { big: flatModel('1', '1') }))
  expect(await program('rate-cards', 'diff', file)).toMatchObject({ outcome: 'dry-run' })
  const imported = await program('rate-cards', 'import', file, '--card', 'renamed')
  expect(imported).toMatchObject({ outcome: 'published', card: 'renamed', version: 1 })
  expect(await program('rate-cards', 'list')).toMatchObject({
    rateCards: expect.arrayContaining([expect.objectContaining({ card: 'renamed' })]),
  })
  const days = ['--from', DAYS.from, '--to', DAYS.to]
  const mapped = ['--card', 'renamed', '--map', 'model_3=big', '--leave-out']
  const whose = ['--organization', own.organization]
  const answer = await program('costs', 'what-if', ...whose, ...days, ...mapped)
  expect(answer).toMatchObject({ rows: [{ model: 'model_3', pricedAs: 'big', currency: 'USD' }] })
})
