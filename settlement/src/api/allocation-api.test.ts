import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decimal, sum as decimalSum, format } from '../costs/decimal.ts'
import { importCard } from '../costs/import-card.ts'
import { cardText, flatModel } from '../costs/testing/card-text.ts'
import { seedImports } from '../imports/testing/seed-imports.ts'
import { openSettlement, type Settlement } from '../settlement.ts'
import { createApiKey } from '../tenants/api-key.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { addProvider, addTenant, NETWORK } from '../testing/market.ts'
import { seedUsage } from '../usage/testing/seed-usage.ts'

const FROM = Date.parse('2026-10-28T00:00:00Z')
const TO = Date.parse('2026-11-03T00:00:00Z')
const DAYS = 'from=2026-10-28&to=2026-11-03'

let folder: string
let settlement: Settlement
let own: { organization: string; apiKey: string }
let stranger: { organization: string; apiKey: string }
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-allocation-'))
  await prepareDataDir(folder)
  settlement = await openSettlement({ dataDir: folder, network: NETWORK, verifyThreads: 0 })
  own = await newOrganization()
  stranger = await newOrganization()
  const { organization } = own
  await seedUsage(settlement.store, { rows: 900, organization, from: FROM, to: TO })
}, 180_000)
afterAll(async () => {
  await settlement[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function call(
  key: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  payload?: object,
) {
  const headers = { authorization: `Bearer ${key}` }
  const request = { method, url, headers, ...(payload !== undefined && { payload }) }
  return settlement.app.inject(request)
}
const get = async <Answer = object>(url: string): Promise<Answer> => {
  const answer = await call(own.apiKey, 'GET', url)
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.json() as Answer
}

async function newOrganization() {
  const made = await call(settlement.operatorToken, 'POST', '/v1/admin/organizations', {
    name: 'Test GmbH',
    lawfulBasis: 'contract',
  })
  return made.json() as { organization: string; apiKey: string }
}

function toPico(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(12, '0'))
}
const sum = (rows: readonly { readonly amount: string }[]) =>
  rows.reduce((all, { amount }) => all + toPico(amount), 0n)

interface Costs {
  readonly costs: { day: string; key: string; amount: string }[]
  readonly total: { amount: string }
}
interface Report {
  readonly total: string
  readonly plan: { version: number } | null
  readonly lines: { kind: string; centre: string | null; rule: string | null; amount: string }[]
  readonly centres: { centre: string; total: string }[]
  readonly unallocated: { total: string }
}

test('costs by key and member are all costs, and filters are parts of them that add up', async () => {
  const whole: Costs = await get(`/v1/costs?${DAYS}`)
  for (const group of ['key', 'member', 'provider']) {
    const grouped: Costs = await get(`/v1/costs?${DAYS}&group=${group}&limit=2000`)
    expect(grouped.total).toEqual(whole.total)
    expect(sum(grouped.costs)).toBe(toPico(whole.total.amount))
  }
  const keys: Costs = await get(`/v1/costs?${DAYS}&group=key&limit=2000`)
  const one: Costs = await get(`/v1/costs?${DAYS}&key=key_3`)
  expect(toPico(one.total.amount)).toBe(sum(keys.costs.filter(({ key }) => key === 'key_3')))
  const some: Costs = await get(`/v1/costs?${DAYS}&tag=product:chat`)
  const rest: Costs = await get(`/v1/costs?${DAYS}&tag=`)
  expect(toPico(some.total.amount) + toPico(rest.total.amount)).toBe(toPico(whole.total.amount))
  const range = 'from=2026-10-28T00:00:00Z&to=2026-11-03T00:00:00Z'
  const tags: { usage: { key: string; amount: string }[] } = await get(
    `/v1/usage?${range}&group=tag`,
  )
  expect(tags.usage.map(({ key }) => key)).toEqual([
    '',
    'product:chat',
    'product:search',
    'team:web',
  ])
  const theirs = await call(stranger.apiKey, 'GET', `/v1/usage?${range}&group=key&tag=team:web`)
  expect(theirs.json()).toMatchObject({ usage: [] })
})

test('a provider together with a key is told out of sessions, as long as they are there', async () => {
  const range = 'from=2026-10-28T00:00:00Z&to=2026-11-03T00:00:00Z'
  const now = Date.now()
  const answer = await call(own.apiKey, 'GET', `/v1/usage?${range}&group=provider&key=key_3`)
  expect(answer.statusCode).toBe(now - FROM < 90 * 86_400_000 ? 200 : 400)
  const old = 'from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z'
  const refused = await call(own.apiKey, 'GET', `/v1/usage?${old}&group=provider&key=key_3`)
  expect(refused.json()).toMatchObject({ code: 'HANSE_REQUEST_INVALID' })
})

test('tags of a key are told, changed and refused; what is spent with it is summed under them', async () => {
  const made = await call(own.apiKey, 'POST', '/v1/keys', {
    name: 'ci',
    scopes: ['read', 'spend'],
    tags: ['ci'],
  })
  const { prefix } = made.json() as { prefix: string }
  const tags = async () => {
    const { keys }: { keys: { prefix: string; tags: string[] }[] } = await get('/v1/keys')
    return keys.find((key) => key.prefix === prefix)?.tags
  }
  expect(await tags()).toEqual(['ci'])
  const put = (key: string, body: object) => call(key, 'PUT', `/v1/keys/${prefix}/tags`, body)
  expect((await put(stranger.apiKey, { tags: ['theirs'] })).statusCode).toBe(404)
  expect((await put(own.apiKey, { tags: ['a\u0000'] })).statusCode).toBe(400)
  expect((await put(own.apiKey, { tags: ['web', 'ci', 'ci'] })).json()).toMatchObject({
    tags: ['ci', 'web'],
  })
  const rotated = await call(own.apiKey, 'POST', `/v1/keys/${prefix}/rotate`, {})
  const next = (rotated.json() as { prefix: string }).prefix
  expect(await settlement.store.key(own.organization, next)).toMatchObject({ tags: ['ci', 'web'] })
})

test('an authorization is on the key that asks for it, with the tags of both, and so is what is added to it', async () => {
  const { context, store } = settlement
  const { organization, consumer } = await addTenant(context, 100n)
  const provider = await addProvider(context)
  const { key, prefix, hash } = createApiKey()
  const made = { organization, prefix, hash, name: 'ci', at: context.now() }
  await store.addKey({ ...made, scopes: ['spend'], tags: ['ci'], createdBy: 'person:per_anna' })
  const ask = async (url: string, payload: object) => {
    const headers = { authorization: `Bearer ${key}`, 'idempotency-key': url }
    const answer = await settlement.app.inject({ method: 'POST', url, headers, payload })
    expect(answer.statusCode, answer.body).toBe(200)
  }
  await ask('/v1/authorizations', {
    consumer: consumer.peerId,
    provider: provider.peerId,
    amount: '1000000',
    attribution: { key: 'anna', tags: ['job', 'ci'] },
  })
  const [first] = await store.authorizations({ organization, limit: 1 })
  await store.tagKey(organization, prefix, ['later'])
  await ask(`/v1/authorizations/${first?.cid}/top-ups`, { amount: '1000' })
  const { rows } = await store.executeSql(
    `select w.key, w.member, w.tags from spend_authorization a
     join usage_spender w on w.organization = a.organization and w.id = a.spender
     where a.organization = $1 order by a.serial`,
    [organization],
  )
  const by = { key: prefix, member: 'per_anna' }
  expect(rows).toEqual([
    { ...by, tags: ['ci', 'job'] },
    { ...by, tags: ['ci', 'job', 'later'] },
  ])
})

test('plans count from their month on, are tried before, and a month is told by cost centre to the last digit', async () => {
  const none: Report = await get('/v1/showback?month=2026-10')
  expect(none).toMatchObject({ plan: null, centres: [], unallocated: { total: none.total } })
  const rules = [
    { name: 'chat', when: { tag: 'product:chat', key: 'key_1' }, to: 'chat' },
    { name: 'web', when: { tag: 'team:web' }, to: 'web' },
    { name: 'platform', when: { model: 'model_*', member: 'member_2' }, share: { by: 'direct' } },
  ]
  const tried = await call(own.apiKey, 'POST', '/v1/allocation-plans/dry-run', {
    month: '2026-10',
    rules,
  })
  const { tried: would, inForce } = tried.json() as { tried: Report; inForce: Report }
  expect(inForce).toEqual(none)
  expect(sum(would.lines)).toBe(toPico(none.total))
  const centres = would.centres.reduce((all, { total }) => all + toPico(total), 0n)
  expect(centres + toPico(would.unallocated.total)).toBe(toPico(would.total))
  expect(would.lines.map(({ kind }) => kind)).toContain('unallocated')

  const plan = await call(own.apiKey, 'POST', '/v1/allocation-plans', {
    effectiveFrom: '2026-11',
    rules,
  })
  expect(plan.json()).toMatchObject({ version: 1, effectiveFrom: '2026-11' })
  expect(await get('/v1/showback?month=2026-10')).toEqual(none)
  const november: Report = await get('/v1/showback?month=2026-11')
  expect(november.plan).toEqual({ version: 1, effectiveFrom: '2026-11' })
  const again = { effectiveFrom: '2026-10', rules }
  expect((await call(own.apiKey, 'POST', '/v1/allocation-plans', again)).json()).toMatchObject({
    version: 2,
  })
  const october: Report = await get('/v1/showback?month=2026-10')
  expect({ ...october, plan: null }).toEqual(would)
  expect(await get('/v1/showback?month=2026-11')).toEqual(november)
  const csv = await call(own.apiKey, 'GET', '/v1/exports/showback?month=2026-10')
  const lines = csv.body.trimEnd().split('\r\n').slice(1)
  expect(sum(lines.map((line) => ({ amount: line.split(',').at(-2) ?? '' })))).toBe(
    toPico(october.total),
  )
  const listed = await get('/v1/allocation-plans')
  expect(listed).toMatchObject({ plans: [{ version: 2 }, { version: 1, rules }] })
  const theirs = await call(stranger.apiKey, 'GET', '/v1/allocation-plans')
  expect(theirs.json()).toEqual({ plans: [], next: null })
})

test('a schedule is made, listed, given another address and removed by its organization alone', async () => {
  const wanted = { name: 'to the lake', content: 'usage', every: 'week' }
  const add = (key: string, changes: object) =>
    call(key, 'POST', '/v1/exports/schedules', { ...wanted, ...changes })
  const made = await add(own.apiKey, { putTo: 'https://lake.example/a/{file}?sig=secret' })
  expect(made.json()).toMatchObject({ target: 'https://lake.example', keepDays: 90, format: 'csv' })
  const { id } = made.json() as { id: string }
  for (const putTo of [
    'http://lake.example/',
    'https://10.0.0.1/',
    'https://a:b@c.example/',
    'lake',
  ])
    expect((await add(own.apiKey, { putTo })).json()).toMatchObject({ code: 'HANSE_EXPORT_TARGET' })
  expect((await add(own.apiKey, { content: 'showback' })).statusCode).toBe(400)
  expect((await add(own.apiKey, { format: 'json' })).statusCode).toBe(400)
  const target = `/v1/exports/schedules/${id}/target`
  const put = (key: string, putTo: string | null) => call(key, 'PUT', target, { putTo })
  expect((await put(stranger.apiKey, 'https://evil.example/')).statusCode).toBe(404)
  expect((await put(own.apiKey, null)).statusCode).toBe(200)
  expect(await get('/v1/exports/schedules')).toMatchObject({ schedules: [{ id, target: null }] })
  expect(await get('/v1/exports/runs')).toEqual({ runs: [], next: null })
  const remove = (key: string) => call(key, 'DELETE', `/v1/exports/schedules/${id}`)
  expect((await remove(stranger.apiKey)).statusCode).toBe(404)
  expect((await remove(own.apiKey)).statusCode).toBe(200)
  expect((await remove(own.apiKey)).statusCode).toBe(404)
})

interface Part {
  readonly currency: string
  readonly total: string
  readonly sources: { source: string; amount: string }[]
  readonly centres: { centre: string; total: string }[]
  readonly unallocated: { total: string }
  readonly lines: { kind: string; source: string; rule: string | null; amount: string }[]
  readonly rules: { name: string; amount: string }[]
}
interface Whole extends Part {
  readonly otherCurrencies: Part[]
  readonly unrated: { source: string; requests: string; models: string[] }[]
}
interface Spend {
  readonly spend: {
    key: string
    costs: { currency: string; basis: string; amount: string }[]
    unrated: { requests: string; models: string[] }
  }[]
}
const totalOf = (amounts: readonly string[]) => format(decimalSum(amounts.map((a) => decimal(a))))

test('what was bought elsewhere is borne by the same rules, told apart, and in the total to the last digit', async () => {
  const { organization, apiKey } = await newOrganization()
  const { store, context } = settlement
  await seedUsage(store, { rows: 900, organization, from: FROM, to: TO })
  await seedImports(store, { rows: 2_000, organization, from: FROM, to: TO })
  await importCard(context, {
    owner: organization,
    source: 'contract',
    actor: 'test',
    accept: true,
    text: cardText('anthropic', {
      model_10: { ...flatModel('3', '15'), billedAs: { cached_input: 'input' } },
    }),
  })
  const precise = ['0.1234567890123456789', '0.00000000000000000001', '-0.7']
  const mapping = { at: 'at', provider: '=p', model: '=m', cost: 'cost', currency: '=EUR' }
  const brought = await settlement.app.inject({
    method: 'POST',
    url: `/v1/imports/csv?source=precise&mapping=${encodeURIComponent(JSON.stringify(mapping))}`,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'text/csv' },
    payload: ['at,cost', ...precise.map((cost) => `2026-10-29,${cost}`)].join('\n'),
  })
  expect(brought.json()).toMatchObject({ accepted: 3 })
  const ask = async <Answer>(url: string): Promise<Answer> => {
    const answer = await call(apiKey, 'GET', url)
    expect(answer.statusCode, answer.body).toBe(200)
    return answer.json() as Answer
  }
  const OCTOBER = 'from=2026-10-01T00:00:00Z&to=2026-11-01T00:00:00Z'
  const { spend } = await ask<Spend>(`/v1/spend?${OCTOBER}&group=source`)
  expect(spend.map(({ key }) => key)).toEqual(['hanse', 'langfuse', 'litellm', 'otlp', 'precise'])
  const costs: Costs = await ask('/v1/costs?from=2026-10-01&to=2026-11-01')

  const rules = [
    { name: 'web', when: { tag: 'team:web' }, to: 'web' },
    { name: 'jobs', when: { tag: 'job:nightly', source: 'l*' }, to: 'data' },
    {
      name: 'precise',
      when: { source: 'precise' },
      share: { by: 'even', centres: ['a', 'b', 'c'] },
    },
    { name: 'chat', when: { tag: 'product:chat' }, share: { by: 'direct' } },
    { name: 'otlp', when: { source: 'otlp' }, share: { by: 'fixed', shares: { web: 2, ops: 1 } } },
  ]
  const plan = await call(apiKey, 'POST', '/v1/allocation-plans', {
    effectiveFrom: '2026-10',
    rules,
  })
  expect(plan.statusCode, plan.body).toBe(200)
  const report: Whole = await ask('/v1/showback?month=2026-10')
  expect(report.currency).toBe('EUR')
  expect(report.otherCurrencies.map(({ currency }) => currency)).toEqual(['USD'])
  const rated = spend.flatMap((row) => row.costs.filter(({ basis }) => basis === 'rated'))
  expect(rated.map(({ currency }) => currency)).toContain('USD')

  for (const part of [report, ...report.otherCurrencies]) {
    const inCurrency = spend.flatMap(({ key, costs: all }) =>
      all
        .filter(({ currency }) => currency === part.currency)
        .map(({ amount }) => ({ key, amount })),
    )
    expect(part.total).toBe(totalOf(inCurrency.map(({ amount }) => amount)))
    expect(totalOf(part.lines.map(({ amount }) => amount))).toBe(part.total)
    const borne = part.centres.map(({ total }) => total)
    expect(totalOf([...borne, part.unallocated.total])).toBe(part.total)
    for (const { source, amount } of part.sources) {
      const of = <Row extends { amount: string }>(rows: Row[], isOf: (row: Row) => boolean) =>
        totalOf(rows.filter(isOf).map((row) => row.amount))
      expect(of(inCurrency, ({ key }) => key === source)).toBe(amount)
      expect(of(part.lines, (line) => line.source === source)).toBe(amount)
    }
    const kinds = new Set(part.lines.map(({ kind, source }) => `${kind} ${source}`))
    for (const kind of ['direct litellm', 'direct otlp', 'shared otlp']) {
      expect(kinds).toContain(kind)
    }
    expect([...kinds].some((kind) => kind.startsWith('unallocated'))).toBe(true)
  }
  expect(report.sources.find(({ source }) => source === 'hanse')?.amount).toBe(costs.total.amount)
  expect(report.rules.find(({ name }) => name === 'precise')?.amount).toBe(totalOf(precise))
  const shared = report.lines.filter(({ rule }) => rule === 'precise')
  expect(shared).toHaveLength(3)
  // All but the last digit are the same for the three of them.
  expect(new Set(shared.map(({ amount }) => amount.slice(0, 20))).size).toBe(1)
  const unrated = spend.filter((row) => row.unrated.models.length > 0)
  expect(unrated.length).toBeGreaterThan(0)
  expect(report.unrated).toMatchObject(
    unrated.map(({ key, unrated: { requests, models } }) => ({ source: key, requests, models })),
  )

  const csv = (await call(apiKey, 'GET', '/v1/exports/showback?month=2026-10')).body
  const [head = '', ...lines] = csv.trimEnd().split('\r\n')
  expect(head).toBe('month,cost_centre,kind,rule,source,sessions,amount,currency')
  for (const part of [report, ...report.otherCurrencies]) {
    const own = lines.map((line) => line.split(',')).filter((cells) => cells[7] === part.currency)
    expect(totalOf(own.map((cells) => cells[6] ?? ''))).toBe(part.total)
  }
})

test('a tag is one word in the network and elsewhere, and spend tells both under it', async () => {
  const { organization, apiKey } = await newOrganization()
  await seedUsage(settlement.store, { rows: 900, organization, from: FROM, to: TO })
  await seedImports(settlement.store, { rows: 2_000, organization, from: FROM, to: TO })
  const ask = async <Answer>(url: string): Promise<Answer> => {
    const answer = await call(apiKey, 'GET', url)
    expect(answer.statusCode, answer.body).toBe(200)
    return answer.json() as Answer
  }
  // Hours at both ends, and whole days between them.
  const range = 'from=2026-10-28T05:00:00Z&to=2026-11-02T19:00:00Z'
  const { usage } = await ask<{ usage: { key: string; amount: string; sessions: string }[] }>(
    `/v1/usage?${range}&group=tag`,
  )
  const { spend } = await ask<Spend>(`/v1/spend?${range}&group=tag`)
  expect(spend.map(({ key }) => key)).toEqual([
    '',
    'job:nightly',
    'product:chat',
    'product:search',
    'production',
    'team:data',
    'team:web',
  ])
  const settledIn = (row: Spend['spend'][number]) =>
    row.costs.filter(({ basis }) => basis === 'settled').map(({ amount }) => toPico(amount))
  const settledTags = spend.flatMap((row) => {
    const [amount] = settledIn(row)
    return amount === undefined ? [] : [[row.key, amount]]
  })
  expect(settledTags).toEqual(usage.map(({ key, amount }) => [key, BigInt(amount)]))
  const both = spend.find(({ key }) => key === 'team:web')
  expect(new Set(both?.costs.map(({ basis }) => basis))).toEqual(new Set(['reported', 'settled']))
  // Pages go over what is left of nothing.
  const paged: string[] = []
  for (let after: string | null = ''; after !== null; ) {
    const page: Spend & { next: string | null } = await ask(
      `/v1/spend?${range}&group=tag&limit=2${paged.length === 0 ? '' : `&after=${after}`}`,
    )
    paged.push(...page.spend.map(({ key }) => key))
    after = page.next
  }
  expect(paged).toEqual(spend.map(({ key }) => key))
})
