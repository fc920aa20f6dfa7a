import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import {
  authorizationRelease,
  cidOf,
  openSigned,
  picoEuro,
  revocationList,
  revocationSigners,
  signRecord,
} from '@hanse/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openSettlement, type Settlement } from '../settlement.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { newSigner } from '../testing/deals.ts'
import { addProvider, type TestContext } from '../testing/market.ts'
import { toSignedJson } from './schemas.ts'

const NETWORK = 'test'
const CARD = 'pm_card_bypassPending'
const PAGES = { successUrl: 'https://a.test/yes', cancelUrl: 'https://a.test/no' }
const PROFILE = {
  kind: 'consumer',
  name: 'Jane Doe',
  email: 'jane@example.org',
  line1: 'Rue 1',
  postalCode: '75001',
  city: 'Paris',
  country: 'FR',
}

let folder: string
let settlement: Settlement
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-settlement-'))
  await prepareDataDir(folder)
  settlement = await openSettlement({ dataDir: folder, network: NETWORK })
}, 180_000)
afterAll(async () => {
  await settlement[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

interface Call {
  readonly key?: string
  readonly json?: object
  readonly idempotency?: string
}

/** As a client should, it asks again when a busy machine says so. */
async function call(method: Method, url: string, options: Call = {}) {
  for (;;) {
    const answer = await callOnce(method, url, options)
    if (answer.body.code !== 'HANSE_OVERLOADED') return answer
    await setTimeout(Number(answer.headers['retry-after'] ?? 1) * 1000)
  }
}

async function callOnce(method: Method, url: string, { key, json, idempotency }: Call) {
  const response = await settlement.app.inject({
    method,
    url,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(idempotency !== undefined && { 'idempotency-key': idempotency }),
    },
    ...(json !== undefined && { payload: json }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are what the tests are about
  return { status: response.statusCode, body: response.json<any>(), headers: response.headers }
}

async function newTenant(consumers: readonly string[] = []) {
  const json = { name: 'Test GmbH', consumers, lawfulBasis: 'contract' }
  const key = settlement.operatorToken
  const { body } = await call('POST', '/v1/admin/organizations', { key, json })
  return body as { organization: string; apiKey: string }
}

/** Everything that moves money, or could, with a request that is good. */
const MOVES: readonly (readonly [Method, string, object | undefined])[] = [
  ['POST', '/v1/top-ups', { cents: '700', paymentMethod: CARD }],
  ['POST', '/v1/checkouts', { cents: '700', ...PAGES }],
  ['POST', '/v1/refunds', { topUp: 'tu-1', cents: '1' }],
  [
    'PUT',
    '/v1/automatic-top-up',
    { enabled: true, thresholdCents: 1, cents: 50, monthlyCents: 50, paymentMethod: CARD },
  ],
  ['POST', '/v1/payment-methods', PAGES],
  ['PUT', `/v1/payment-methods/${CARD}/default`, undefined],
  ['DELETE', `/v1/payment-methods/${CARD}`, undefined],
  ['PUT', '/v1/billing/profile', PROFILE],
  ['GET', '/v1/billing/profile', undefined],
  ['GET', '/v1/payment-methods', undefined],
  ['POST', '/v1/subscription', { plan: 'starter', paymentMethod: CARD }],
  ['PUT', '/v1/subscription', { plan: 'starter' }],
  ['DELETE', '/v1/subscription', undefined],
  ['POST', '/v1/subscription/resume', undefined],
  [
    'POST',
    '/v1/authorizations',
    { consumer: newSigner().peerId, provider: newSigner().peerId, amount: '1' },
  ],
  ['POST', '/v1/authorizations/x/top-ups', { amount: '1' }],
  ['POST', '/v1/authorizations/x/release', {}],
  ['POST', '/v1/authorizations/x/revoke', undefined],
  ['GET', '/v1/keys', undefined],
  ['POST', '/v1/keys', { name: 'thief', scopes: ['billing'] }],
  ['DELETE', '/v1/keys/hanse_000000000000', undefined],
]

describe('keys', () => {
  const make = (key: string, scopes: readonly string[]) =>
    call('POST', '/v1/keys', { key, json: { name: 'k', scopes } })

  test('a stolen key that may read moves nothing and makes no key', async () => {
    const { apiKey } = await newTenant()
    const { body } = await make(apiKey, ['read'])
    const stolen: string = body.apiKey
    for (const [method, url, json] of MOVES) {
      const asked = { key: stolen, idempotency: 'k', ...(json !== undefined && { json }) }
      const answer = await call(method, url, asked)
      expect([method, url, answer.status, answer.body.code]).toEqual([
        method,
        url,
        403,
        'HANSE_FORBIDDEN',
      ])
    }
    for (const url of [
      '/v1/balance',
      '/v1/top-ups',
      '/v1/refunds',
      '/v1/disputes',
      '/v1/authorizations',
      '/v1/subscription/invoices',
      '/v1/billing/notices',
    ]) {
      expect([url, (await call('GET', url, { key: stolen })).status]).toEqual([url, 200])
    }
  })

  test('a key that may spend sees no names and moves no money in or out', async () => {
    const { apiKey } = await newTenant()
    const { body } = await make(apiKey, ['read', 'spend'])
    for (const [method, url, json] of MOVES.filter(
      ([, path]) => !path.includes('authorizations'),
    )) {
      const asked = { key: body.apiKey, idempotency: 'k', ...(json !== undefined && { json }) }
      expect([url, (await call(method, url, asked)).status]).toEqual([url, 403])
    }
    const asked = { key: body.apiKey, json: {} }
    expect((await call('POST', '/v1/authorizations/x/release', asked)).body.code).toBe(
      'HANSE_NOT_FOUND',
    )
  })

  test('gives no more than it has, is listed without its secret, and ends when it is revoked', async () => {
    const { apiKey } = await newTenant()
    const { body: made } = await make(apiKey, ['read', 'keys'])
    expect((await make(made.apiKey, ['billing'])).body.code).toBe('HANSE_FORBIDDEN')
    expect((await make(made.apiKey, ['read'])).status).toBe(200)
    const { body: listed } = await call('GET', '/v1/keys', { key: apiKey })
    expect(listed.keys).toHaveLength(3)
    expect(JSON.stringify(listed)).not.toContain(made.apiKey)
    const stranger = await newTenant()
    const foreign = await call('DELETE', `/v1/keys/${made.prefix}`, { key: stranger.apiKey })
    expect(foreign.body.code).toBe('HANSE_NOT_FOUND')
    expect((await call('GET', '/v1/balance', { key: made.apiKey })).status).toBe(200)
    expect((await call('DELETE', `/v1/keys/${made.prefix}`, { key: apiKey })).status).toBe(200)
    expect((await call('GET', '/v1/balance', { key: made.apiKey })).body.code).toBe(
      'HANSE_UNAUTHENTICATED',
    )
  })
})

test('what moves money needs an idempotency key', async () => {
  const { apiKey: key } = await newTenant()
  const moves = MOVES.filter(
    ([method, url]) =>
      method === 'POST' && /top-ups|checkouts|refunds|subscription$|authorizations$/u.test(url),
  )
  expect(moves).toHaveLength(6)
  for (const [method, url, json] of moves) {
    const answer = await call(method, url, { key, ...(json !== undefined && { json }) })
    expect([url, answer.body.code]).toEqual([url, 'HANSE_IDEMPOTENCY_KEY'])
  }
})

test('a webhook that is replayed, however often, changes nothing', async () => {
  const { apiKey: key } = await newTenant()
  const top = await call('POST', '/v1/top-ups', {
    key,
    json: { cents: '700', paymentMethod: CARD },
    idempotency: 'a',
  })
  const { stripeDouble } = settlement
  const back = await call('POST', '/v1/refunds', {
    key,
    json: { topUp: top.body.id, cents: '200' },
    idempotency: 'b',
  })
  expect(back.body).toMatchObject({ state: 'succeeded', cents: '200' })
  for (let round = 0; round < 2; round++) {
    for (const event of stripeDouble?.events() ?? []) {
      await stripeDouble?.redeliver((event as { id: string }).id)
    }
    await stripeDouble?.deliverWebhooks()
  }
  expect((await call('GET', '/v1/balance', { key })).body).toMatchObject({
    available: '5000000000000',
    held: '0',
    debt: '0',
  })
  const check = await call('GET', '/v1/admin/ledger/check', { key: settlement.operatorToken })
  expect(check.body).toMatchObject({ balanced: true, differences: [] })
})

test('a billing profile goes to Stripe, comes back to who pays, and is kept from others', async () => {
  const { apiKey: key } = await newTenant()
  expect((await call('GET', '/v1/billing/profile', { key })).status).toBe(404)
  const put = await call('PUT', '/v1/billing/profile', { key, json: PROFILE })
  expect(put.body).toMatchObject({ ...PROFILE, version: 1, vatIdConfirmed: false })
  const again = { ...PROFILE, kind: 'business', name: 'Doe SARL', vatId: 'not one' }
  expect((await call('PUT', '/v1/billing/profile', { key, json: again })).body.code).toBe(
    'HANSE_VAT_ID_INVALID',
  )
  expect((await call('GET', '/v1/billing/profile', { key })).body).toMatchObject(PROFILE)
  const bad = { ...PROFILE, country: 'XX' }
  expect((await call('PUT', '/v1/billing/profile', { key, json: bad })).body.code).toBe(
    'HANSE_REQUEST_INVALID',
  )
})

test('authorizations are listed, added to, revoked and released over the API', async () => {
  const consumer = newSigner()
  const { apiKey: key } = await newTenant([consumer.peerId])
  const provider = await addProvider(settlement.context as TestContext)
  await call('POST', '/v1/top-ups', {
    key,
    json: { cents: '100', paymentMethod: CARD },
    idempotency: 'a',
  })
  const json = { consumer: consumer.peerId, provider: provider.peerId, amount: '1000' }
  const made = await call('POST', '/v1/authorizations', { key, json, idempotency: 'b' })
  const bytes = Uint8Array.from(Buffer.from(made.body.authorization.bytes, 'base64'))
  const cid = cidOf(bytes).toString()
  const more = await call('POST', `/v1/authorizations/${cid}/top-ups`, {
    key,
    json: { amount: '500' },
    idempotency: 'c',
  })
  expect(more.status).toBe(200)
  const page = await call('GET', '/v1/authorizations?limit=1&state=open', { key })
  expect(page.body.authorizations).toMatchObject([{ limit: '500', extends: cid }])
  const rest = await call('GET', `/v1/authorizations?before=${page.body.next}`, { key })
  expect(rest.body.authorizations).toMatchObject([{ cid, limit: '1000' }])
  expect((await call('GET', `/v1/authorizations/${cid}`, { key })).body.authorization).toEqual(
    made.body.authorization,
  )
  await call('POST', `/v1/authorizations/${cid}/revoke`, { key })
  const list = await call('GET', '/v1/authorizations/revoked')
  expect(list.headers['cache-control']).toBe('public, max-age=60')
  const opened = openSigned(
    { network: NETWORK },
    revocationList,
    {
      bytes: Uint8Array.from(Buffer.from(list.body.list.bytes, 'base64')),
      signatures: list.body.list.signatures.map((one: { signature: string }) => ({
        ...one,
        signature: Uint8Array.from(Buffer.from(one.signature, 'base64')),
      })),
    },
    revocationSigners,
  )
  expect(opened.value.serials.map(String)).toContain(rest.body.authorizations[0].serial)
  const word = signRecord(
    { network: NETWORK },
    authorizationRelease,
    {
      settlement: settlement.signer.peerId,
      provider: provider.peerId,
      authorization: cidOf(bytes),
      claims: picoEuro(0n),
      at: Date.now(),
    },
    'provider',
    provider,
  )
  const alone = await call('POST', `/v1/authorizations/${cid}/release`, { key, json: {} })
  expect(alone.body.code).toBe('HANSE_RELEASE_CONSENT')
  const released = await call('POST', `/v1/authorizations/${cid}/release`, {
    key,
    json: { consent: toSignedJson(word) },
  })
  expect(released.body).toMatchObject({ released: '1000', revokedBy: 'organization' })
  expect((await call('GET', '/v1/balance', { key })).body.held).toBe('500')
})

test('an authorization that leaves too little fills the balance up by itself', async () => {
  const consumer = newSigner()
  const { organization, apiKey: key } = await newTenant([consumer.peerId])
  const provider = await addProvider(settlement.context as TestContext)
  const opened = await call('POST', '/v1/checkouts', {
    key,
    json: { cents: '1000', ...PAGES, savePaymentMethod: true },
    idempotency: 'a',
  })
  const row = await settlement.store.topUp(opened.body.id)
  await settlement.stripeDouble?.completeCheckout(row?.checkout ?? '')
  const available = async () => (await call('GET', '/v1/balance', { key })).body.available
  await expect.poll(available, { timeout: 15_000 }).toBe('10000000000000')
  const { body } = await call('GET', '/v1/payment-methods', { key })
  const [{ paymentMethod }] = body.paymentMethods
  const settings = { enabled: true, thresholdCents: '500', cents: '2000', monthlyCents: '5000' }
  const set = await call('PUT', '/v1/automatic-top-up', {
    key,
    json: { ...settings, paymentMethod },
  })
  expect(set.body).toMatchObject({ ...settings, failures: 0 })
  expect(
    (
      await call('PUT', '/v1/automatic-top-up', {
        key,
        json: { ...settings, paymentMethod: 'pm_of_another' },
      })
    ).body.code,
  ).toBe('HANSE_NOT_FOUND')
  const json = { consumer: consumer.peerId, provider: provider.peerId, amount: '6000000000000' }
  await call('POST', '/v1/authorizations', { key, json, idempotency: 'b' })
  await expect.poll(available, { timeout: 15_000 }).toBe('24000000000000')
  const topUps = await settlement.store.topUps({ organization, limit: 10 })
  expect(topUps.map(({ source }) => source)).toEqual(['automatic', 'checkout'])
})

test('plans are for everyone to see, and Stripe’s events for the operator', async () => {
  const { body } = await call('GET', '/v1/plans')
  expect(body.plans.map(({ plan }: { plan: string }) => plan)).toEqual([
    'starter',
    'professional',
    'enterprise',
  ])
  const { apiKey: key } = await newTenant()
  for (const url of ['/v1/admin/stripe/events', '/v1/admin/disputes']) {
    expect((await call('GET', url, { key })).status).toBe(401)
    expect((await call('GET', url, { key: settlement.operatorToken })).status).toBe(200)
  }
})

test('notices come page by page, the newest first, each once, and none of anybody else', async () => {
  const own = await newTenant()
  const other = await newTenant()
  const { store } = settlement
  // In turns, so that pages go over those of others.
  for (let i = 0; i < 5; i++) {
    for (const { organization } of [own, other]) {
      await store.executeSql(
        `insert into billing_notice (organization, kind, cause, at) values ($1, 'dispute', $2, $3::timestamptz)`,
        [organization, `${organization}/${i}`, new Date(1_793_577_600_000 + i).toISOString()],
      )
    }
  }
  const page = async (query: string) =>
    (await call('GET', `/v1/billing/notices?${query}`, { key: own.apiKey })).body
  const causes: string[] = []
  const sizes: number[] = []
  for (let next: string | null = ''; next !== null; ) {
    const { notices, next: following } = await page(
      `limit=2${next === '' ? '' : `&before=${next}`}`,
    )
    causes.push(...notices.map(({ cause }: { cause: string }) => cause))
    sizes.push(notices.length)
    expect(sizes.length).toBeLessThan(9)
    next = following
  }
  expect(causes).toEqual([4, 3, 2, 1, 0].map((i) => `${own.organization}/${i}`))
  expect(sizes).toEqual([2, 2, 1])
  // A last page that is full says where it ends, and nothing is behind it.
  const { notices, next } = await page('limit=5')
  expect(notices.map(({ at }: { at: number }) => at)).toEqual(
    [4, 3, 2, 1, 0].map((i) => 1_793_577_600_000 + i),
  )
  expect(next).toBe(notices.at(-1).id)
  expect(await page(`limit=5&before=${next}`)).toEqual({ notices: [], next: null })
  expect((await page('before=x')).code).toBe('HANSE_REQUEST_INVALID')
  const theirs = await call('GET', `/v1/billing/notices?before=${notices[0].id}`, {
    key: other.apiKey,
  })
  expect(theirs.body.notices).toHaveLength(4)
})
