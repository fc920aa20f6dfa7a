import { type Signer, signRequest } from '@hanse/protocol'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type AccessApp, openAccessApp } from '../access/testing/access-app.ts'
import { addPerson, type TestPerson } from '../access/testing/people.ts'
import { linksContract } from '../provider-links/links-contract.ts'
import { eraseSubject } from '../rights/erase-subject.ts'
import { openStripePayments, type StripeDouble, startStripeDouble } from '../stripe/index.ts'
import { newSigner } from '../testing/deals.ts'
import { addProvider, NETWORK, NOW, type TestContext } from '../testing/market.ts'
import { FRESH_MS } from './session.ts'

const MINUTE_MS = 60_000
const PROFILE = {
  kind: 'business',
  name: 'GPU Kontor GmbH',
  street: 'Speicher 2',
  postalCode: '20457',
  city: 'Hamburg',
  country: 'DE',
  vatId: 'DE123456789',
}
const DECLARATION = {
  telephone: '+4940123456',
  email: 'kontor@example.org',
  certification: '2026-11',
  tins: [{ country: 'DE', tin: '22/123/45678' }],
}
const RANGE = 'from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z'
/** What a person may read of a node, behind `/v1/account/nodes/<peer>`. */
const READS = [
  '/earnings',
  '/documents',
  '/documents/SB-2026-000001.pdf',
  '/documents/SB-2026-000001/lines/1/receipts',
  `/service-levels?${RANGE}`,
  '/alerts',
  '/tax-profile',
  '/trader',
  '/attestations',
  '/payout-account',
  '/dac7/2026',
]

let opened: AccessApp
let double: StripeDouble
let context: TestContext
beforeAll(async () => {
  double = await startStripeDouble({ now: () => NOW, delivery: 'manual' })
  const payments = openStripePayments({
    secretKey: 'sk_test_double',
    webhookSecret: 'whsec_test',
    host: '127.0.0.1',
    port: double.port,
    protocol: 'http',
    now: () => NOW,
    maxNetworkRetries: 0,
  })
  opened = await openAccessApp({}, { payments })
  context = opened.context
}, 120_000)
afterAll(async () => {
  await opened?.[Symbol.asyncDispose]()
  await double?.close()
})
beforeEach(() => {
  context.clock.now = NOW
  opened.mails.length = 0
})

linksContract('PGlite', async () => opened.context.store)

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
let places = 0
async function node(
  by: Signer,
  method: Method,
  url: string,
  json?: object,
  changes: { network?: string; from?: string } = {},
) {
  const body = json === undefined ? '' : JSON.stringify(json)
  const headers = signRequest(by, {
    method,
    url,
    body: Buffer.from(body),
    network: changes.network ?? NETWORK,
    settlement: context.signer.peerId,
    at: context.now(),
  })
  const answer = await opened.app.inject({
    method,
    url,
    headers: { ...headers, ...(json !== undefined && { 'content-type': 'application/json' }) },
    // Each request from a place of its own, unless a test is about places.
    remoteAddress: changes.from ?? `10.1.${++places >> 8}.${places & 255}`,
    ...(json !== undefined && { payload: body }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are what the tests are about
  return { status: answer.statusCode, body: answer.json<any>(), headers: answer.headers }
}
async function page(by: TestPerson, method: Method, url: string, payload?: object) {
  const { headers } = by
  const answer = await opened.app.inject({
    method,
    url,
    headers,
    ...(payload !== undefined && { payload }),
  })
  const isJson = String(answer.headers['content-type']).includes('json')
  // biome-ignore lint/suspicious/noExplicitAny: as above
  return { status: answer.statusCode, body: (isJson ? answer.json() : answer.body) as any }
}

const somebody = () => addPerson(context)
const askCode = async (by: TestPerson): Promise<string> =>
  (await page(by, 'POST', '/v1/account/nodes/codes')).body.code
const claim = (by: Signer, code: string, owner: string, changes = {}) =>
  node(by, 'POST', '/v1/providers/self/links', { code, owner }, changes)
async function linked(by: Signer, person: TestPerson): Promise<void> {
  expect((await claim(by, await askCode(person), person.email)).status).toBe(200)
}
const nodesOf = async (by: TestPerson) => (await page(by, 'GET', '/v1/account/nodes')).body.nodes
const pathOf = ({ peerId }: Signer) => `/v1/account/nodes/${peerId}`

test('a node signs the code of a page, and its owner sees it there and is told by mail', async () => {
  const ada = await somebody()
  const box = newSigner()
  const given = await page(ada, 'POST', '/v1/account/nodes/codes')
  expect(given.body).toEqual({
    code: expect.stringMatching(/^[0-9A-Z]{5}-[0-9A-Z]{5}$/u),
    owner: ada.email,
    expiresAt: NOW + 30 * MINUTE_MS,
  })
  const typed = given.body.code.toLowerCase().replace('-', ' ')
  const { status, body } = await claim(box, typed, ` ${ada.email.toUpperCase()}`)
  expect([status, body.owners]).toEqual([
    200,
    [{ person: ada.id, email: ada.email, linkedAt: NOW }],
  ])
  expect(await nodesOf(ada)).toEqual([
    { peerId: box.peerId, linkedAt: NOW, country: null, payable: false, lastPaidAt: null },
  ])
  await expect.poll(() => opened.mails.length).toBe(1)
  expect(opened.mails[0]).toMatchObject({ to: ada.email })
  expect(opened.mails[0]?.text).toContain(box.peerId)
})

test('a code serves once, for half an hour, for its person alone, and only the newest', async () => {
  const [ada, eve] = [await somebody(), await somebody()]
  const box = newSigner()
  const refused = async (code: string, owner: string) => {
    const { status, body } = await claim(box, code, owner)
    expect([status, body.code]).toEqual([400, 'HANSE_NODE_CODE_INVALID'])
    return body.detail
  }
  const old = await askCode(ada)
  const code = await askCode(ada)
  const details = [
    await refused(old, ada.email),
    // Eve has got hold of the code, and of a node of her own: it does not get into Ada's account under Eve's name.
    await refused(code, eve.email),
    await refused(await askCode(eve), ada.email),
    await refused('AAAAA-AAAAA', ada.email),
    await refused('no code', ada.email),
    await refused(code, 'nobody@example.org'),
  ]
  expect(new Set(details).size).toBe(1)
  context.clock.now = NOW + 30 * MINUTE_MS
  await refused(code, ada.email)
  const fresh = await askCode(ada)
  expect((await claim(box, fresh, ada.email)).status).toBe(200)
  await refused(fresh, ada.email)
  expect(await nodesOf(eve)).toEqual([])
})

test('a signature for another network, another settlement or of nobody links nothing', async () => {
  const ada = await somebody()
  const code = await askCode(ada)
  const box = newSigner()
  const elsewhere = await claim(box, code, ada.email, { network: 'other' })
  expect([elsewhere.status, elsewhere.body.code]).toEqual([401, 'HANSE_UNAUTHENTICATED'])
  const bare = await opened.app.inject({
    method: 'POST',
    url: '/v1/providers/self/links',
    payload: { code, owner: ada.email },
  })
  expect(bare.statusCode).toBe(401)
  expect(await nodesOf(ada)).toEqual([])
  expect((await claim(box, code, ada.email)).status).toBe(200)
})

test('guessing codes is slowed down, by node and by place, and a right one is no guess', async () => {
  const ada = await somebody()
  const eve = newSigner()
  const code = await askCode(ada)
  const guess = (by: Signer, from?: string) =>
    claim(by, 'AAAAA-AAAAB', ada.email, from === undefined ? {} : { from })
  const statuses: number[] = []
  for (let tries = 0; tries < 14; tries++) statuses.push((await guess(eve)).status)
  expect(statuses.slice(0, 10)).toEqual(Array(10).fill(400))
  expect(statuses.slice(10)).toEqual(Array(4).fill(429))
  // The right one is not taken either while that node waits, wherever it asks from.
  expect((await claim(eve, code, ada.email)).status).toBe(429)

  const place = '192.0.2.7'
  const other: number[] = []
  for (let tries = 0; tries < 14; tries++) other.push((await guess(newSigner(), place)).status)
  expect(other.slice(10)).toEqual(Array(4).fill(429))

  // A day of patient guessing from one place is a few hundred tries, of 2⁵⁰.
  let tries = 0
  const until = NOW + 24 * 60 * MINUTE_MS
  for (context.clock.now = NOW; context.clock.now < until; tries++) {
    const { status, headers } = await guess(newSigner(), '198.51.100.9')
    context.clock.now += status === 429 ? Number(headers['retry-after']) * 1_000 : 0
  }
  expect(tries).toBeLessThan(500)

  context.clock.now = NOW
  const box = newSigner()
  for (let again = 0; again < 20; again++) {
    expect((await claim(box, await askCode(ada), ada.email)).status).toBe(200)
  }
})

test('what belongs to a node is for its owners: a stranger learns not even that it is there', async () => {
  const [ada, eve] = [await somebody(), await somebody()]
  const box = await addProvider(context)
  await linked(box, ada)
  for (const read of READS) {
    const url = pathOf(box) + read
    const theirs = await page(eve, 'GET', url)
    const nobodys = await page(eve, 'GET', pathOf(newSigner()) + read)
    expect([url, theirs.status, theirs.body.code]).toEqual([url, 404, 'HANSE_NOT_FOUND'])
    expect(nobodys.status).toBe(404)
    const out = await opened.app.inject({ method: 'GET', url })
    expect([url, out.statusCode]).toEqual([url, 401])
  }
  for (const [method, path, body] of [
    ['PUT', '/tax-profile', PROFILE],
    ['PUT', '/trader', DECLARATION],
    ['POST', '/payout-account/links', {}],
    ['DELETE', '', undefined],
  ] as const) {
    expect((await page(eve, method, pathOf(box) + path, body)).status).toBe(404)
  }
  expect(await nodesOf(ada)).toHaveLength(1)
})

test('an owner is told what the node itself is told', async () => {
  const ada = await somebody()
  const box = await addProvider(context)
  await linked(box, ada)
  for (const [own, mirrored] of [
    ['/v1/provider/earnings', '/earnings'],
    ['/v1/providers/self/documents', '/documents'],
    [`/v1/providers/self/service-levels?${RANGE}`, `/service-levels?${RANGE}`],
    ['/v1/providers/self/alerts', '/alerts'],
    ['/v1/providers/self/tax-profile', '/tax-profile'],
    ['/v1/providers/self/trader', '/trader'],
    ['/v1/attestations/self', '/attestations'],
  ] as const) {
    const told = await node(box, 'GET', own)
    expect([own, told.status]).toEqual([own, 200])
    expect(await page(ada, 'GET', pathOf(box) + mirrored)).toEqual({ status: 200, body: told.body })
  }
})

test('an owner says who they are in the page, and the node reads it; a session left open says nothing', async () => {
  const ada = await somebody()
  const box = await addProvider(context)
  await linked(box, ada)
  context.clock.now = NOW + FRESH_MS
  for (const [path, body] of [
    ['/tax-profile', PROFILE],
    ['/trader', DECLARATION],
  ] as const) {
    const stale = await page(ada, 'PUT', pathOf(box) + path, body)
    expect([stale.status, stale.body.code]).toEqual([403, 'HANSE_SIGN_IN_AGAIN'])
  }
  context.clock.now = NOW + FRESH_MS - 1
  const unnamed = await page(ada, 'PUT', `${pathOf(box)}/trader`, DECLARATION)
  expect(unnamed.body.code).toBe('HANSE_TRADER_PROFILE')
  const wrong = { ...PROFILE, vatId: 'FR1' }
  expect((await page(ada, 'PUT', `${pathOf(box)}/tax-profile`, wrong)).body.code).toBe(
    'HANSE_REQUEST_INVALID',
  )
  expect((await page(ada, 'PUT', `${pathOf(box)}/tax-profile`, PROFILE)).status).toBe(200)
  expect((await page(ada, 'PUT', `${pathOf(box)}/trader`, DECLARATION)).status).toBe(200)
  const { profile } = (await node(box, 'GET', '/v1/providers/self/tax-profile')).body
  expect(profile).toEqual(PROFILE)
  const { state, declaration } = (await node(box, 'GET', '/v1/providers/self/trader')).body
  expect([state, declaration]).toEqual(['declared', DECLARATION])
})

test('a node that has no payout account says so, and is linked all the same', async () => {
  const ada = await somebody()
  const box = newSigner()
  await linked(box, ada)
  for (const read of ['/earnings', '/payout-account', '/trader', '/attestations']) {
    const { status, body } = await page(ada, 'GET', pathOf(box) + read)
    expect([read, status, body.code]).toEqual([read, 403, 'HANSE_PROVIDER_UNKNOWN'])
  }
  const put = await page(ada, 'PUT', `${pathOf(box)}/tax-profile`, PROFILE)
  expect(put.body.code).toBe('HANSE_PROVIDER_UNKNOWN')
})

test('an owner opens Stripe’s page, which leads back to the website in their language', async () => {
  const ada = await somebody()
  const box = newSigner()
  const { store } = context
  await store.addProvider({
    peerId: box.peerId,
    country: 'DE',
    feeBps: 2_500,
    binding: new Uint8Array(1),
    at: NOW,
  })
  const { account } = await context.payments.createProviderAccount({
    providerId: box.peerId,
    country: 'DE',
    operation: `test-${box.peerId}`,
  })
  await store.setProviderAccount(box.peerId, account)
  await linked(box, ada)
  const before = await page(ada, 'GET', `${pathOf(box)}/payout-account`)
  expect(before.body).toMatchObject({ country: 'DE', payable: false, isOpen: true })
  expect(before.body.requirements.length).toBeGreaterThan(0)

  const links = `${pathOf(box)}/payout-account/links`
  context.clock.now = NOW + FRESH_MS
  expect((await page(ada, 'POST', links, {})).body.code).toBe('HANSE_SIGN_IN_AGAIN')
  context.clock.now = NOW
  const english = await page(ada, 'POST', links, {})
  const german = await page(ada, 'POST', links, { language: 'de' })
  expect(german.body.url).not.toBe(english.body.url)
  const hosted = await fetch(german.body.url, { redirect: 'manual' })
  expect(hosted.headers.get('location')).toBe(
    `http://settlement.test/de/provider/payouts?node=${box.peerId}`,
  )
  const after = await page(ada, 'GET', `${pathOf(box)}/payout-account`)
  expect(after.body).toMatchObject({ payable: true, isOpen: false })
  expect(await nodesOf(ada)).toMatchObject([{ country: 'DE', payable: true }])
})

test('a link that is taken back is worth nothing at once, whoever takes it back', async () => {
  const [ada, bob] = [await somebody(), await somebody()]
  const box = await addProvider(context)
  const seen = async (by: TestPerson) => (await page(by, 'GET', `${pathOf(box)}/earnings`)).status
  await linked(box, ada)
  await linked(box, bob)
  expect([await seen(ada), await seen(bob)]).toEqual([200, 200])

  // The node lets go of one, and not of somebody who was never there.
  const { owners } = (await node(box, 'GET', '/v1/providers/self/links')).body
  const emails = owners.map(({ email }: { email: string }) => email)
  expect(new Set(emails)).toEqual(new Set([ada.email, bob.email]))
  const gone = await node(box, 'DELETE', `/v1/providers/self/links/${bob.id}`)
  expect(gone.body.owners).toEqual([expect.objectContaining({ person: ada.id })])
  expect([await seen(ada), await seen(bob)]).toEqual([200, 404])
  expect((await node(box, 'DELETE', `/v1/providers/self/links/${bob.id}`)).status).toBe(404)
  // Another node cannot let go of her.
  expect((await node(newSigner(), 'DELETE', `/v1/providers/self/links/${ada.id}`)).status).toBe(404)
  expect(await seen(ada)).toBe(200)

  expect((await page(ada, 'DELETE', pathOf(box))).status).toBe(200)
  expect(await seen(ada)).toBe(404)
  expect((await node(box, 'GET', '/v1/providers/self/links')).body.owners).toEqual([])
})

test('who has an account no more looks after nothing', async () => {
  const ada = await somebody()
  const box = await addProvider(context)
  await linked(box, ada)
  await askCode(ada)
  const subject = { kind: 'person', id: ada.id } as const
  await eraseSubject(context, { subject, at: NOW, givesUpBalance: false })
  expect((await node(box, 'GET', '/v1/providers/self/links')).body.owners).toEqual([])
  expect((await page(ada, 'GET', `${pathOf(box)}/earnings`)).status).toBe(401)
})

test('a page of somebody else can ask for nothing', async () => {
  const ada = await somebody()
  const answer = await opened.app.inject({
    method: 'POST',
    url: '/v1/account/nodes/codes',
    headers: { ...ada.headers, origin: 'https://evil.example' },
  })
  expect([answer.statusCode, answer.json().code]).toEqual([403, 'HANSE_ORIGIN'])
})
