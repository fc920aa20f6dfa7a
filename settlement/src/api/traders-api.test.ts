import { type Signer, signRequest } from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import { DEFAULT_HOLD_BACK } from '../earnings/hold-back.ts'
import { runPayouts } from '../payouts/payout-run.ts'
import { ingest } from '../receipts/ingest.ts'
import { makeDeal, newSigner } from '../testing/deals.ts'
import {
  addProvider,
  addTenant,
  CENT,
  hold,
  NETWORK,
  NOW,
  type TestContext,
} from '../testing/market.ts'
import { CERTIFICATION } from '../traders/declaration.ts'
import { TRADER_JOBS } from '../traders/jobs.ts'

const DAY_MS = 86_400_000
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
  register: { name: 'Amtsgericht Hamburg', number: 'HRB 1' },
  certification: CERTIFICATION,
  tins: [{ country: 'DE', tin: '22/123/45678' }],
}

let opened: AccessApp
let context: TestContext
beforeAll(async () => {
  opened = await openAccessApp()
  context = opened.context
}, 180_000)
afterAll(() => opened?.[Symbol.asyncDispose]())

async function node(by: Signer, method: 'GET' | 'PUT', url: string, json?: object) {
  const body = json === undefined ? '' : JSON.stringify(json)
  const headers = signRequest(by, {
    method,
    url,
    body: Buffer.from(body),
    network: NETWORK,
    settlement: context.signer.peerId,
    at: context.now(),
  })
  const answer = await opened.app.inject({
    method,
    url,
    headers: { ...headers, ...(json !== undefined && { 'content-type': 'application/json' }) },
    ...(json !== undefined && { payload: body }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are what the tests are about
  return { status: answer.statusCode, body: answer.json<any>() }
}

async function ask(url: string, headers: Record<string, string> = {}, json?: object) {
  const answer = await opened.app.inject({
    method: json === undefined ? 'GET' : 'POST',
    url,
    headers,
    ...(json !== undefined && { payload: json }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: as above
  return { status: answer.statusCode, body: answer.json<any>() }
}

const work = () => TRADER_JOBS[0]?.work(context, new AbortController().signal)

async function earn(provider: Signer): Promise<void> {
  const tenant = await addTenant(context, 1_000n)
  const authorization = await hold(context, tenant, provider, 100n * CENT)
  const deal = makeDeal({
    network: NETWORK,
    consumer: tenant.consumer,
    provider,
    at: context.now(),
    authorization,
  })
  expect(await ingest(context, [deal.submission(0, 1_000_000)])).toMatchObject([
    { status: 'booked' },
  ])
}
const paid = async (provider: Signer) => {
  const { payouts } = await runPayouts({
    ...context,
    terms: { ...context.terms, holdBack: { ...DEFAULT_HOLD_BACK, stages: [] } },
  })
  return payouts.filter((one) => one.provider === provider.peerId).length
}

test('a provider is asked who it is, is not paid when it does not say so in time, and is again when it does', async () => {
  context.clock.now = NOW
  const provider = await addProvider(context)
  await earn(provider)
  const own = () => node(provider, 'GET', '/v1/providers/self/trader')
  expect((await own()).body).toMatchObject({
    state: 'missing',
    suspendedFrom: null,
    missing: [
      { what: 'name-and-address', law: 'dsa' },
      { what: 'declaration', law: 'dsa' },
      { what: 'tax-identification-number', law: 'dac7' },
    ],
  })
  await work()
  expect((await own()).body).toMatchObject({
    suspendedFrom: NOW + 30 * DAY_MS,
    suspendedSince: null,
  })
  context.clock.now = NOW + 30 * DAY_MS - 1
  await work()
  expect(await paid(provider)).toBe(1)

  await earn(provider)
  context.clock.now++
  await work()
  expect((await own()).body).toMatchObject({ suspendedSince: NOW + 30 * DAY_MS })
  expect(await paid(provider)).toBe(0)
  // With EU mode off nobody asks.
  expect((await runPayouts({ ...context, euAudit: false })).payouts).toHaveLength(1)

  await earn(provider)
  const early = await node(provider, 'PUT', '/v1/providers/self/trader', DECLARATION)
  expect(early).toMatchObject({ status: 409, body: { code: 'HANSE_TRADER_PROFILE' } })
  await node(provider, 'PUT', '/v1/providers/self/tax-profile', PROFILE)
  expect(await paid(provider)).toBe(0)
  const said = await node(provider, 'PUT', '/v1/providers/self/trader', DECLARATION)
  expect(said).toMatchObject({
    status: 200,
    body: { state: 'declared', missing: [], version: 1, suspendedSince: null },
  })
  expect(await paid(provider)).toBe(1)
})

test('what consumers see is what the law has them see, and says who has looked at it', async () => {
  const provider = await addProvider(context)
  const url = `/v1/providers/${provider.peerId}/trader`
  expect((await ask(url)).status).toBe(404)
  await node(provider, 'PUT', '/v1/providers/self/tax-profile', PROFILE)
  expect((await ask(url)).status).toBe(404)
  await node(provider, 'PUT', '/v1/providers/self/trader', DECLARATION)
  const { body } = await ask(url)
  const { name, street, postalCode, city, country, vatId } = PROFILE
  expect(body).toEqual({
    peerId: provider.peerId,
    kind: 'business',
    state: 'declared',
    trader: {
      name,
      street,
      postalCode,
      city,
      country,
      vatId,
      telephone: DECLARATION.telephone,
      email: DECLARATION.email,
      register: DECLARATION.register,
      certification: { terms: CERTIFICATION, at: context.now() },
    },
  })
  // Tax numbers are for the tax office.
  expect(JSON.stringify(body)).not.toContain('22/123')

  const admin = `/v1/admin/traders/${provider.peerId}`
  const review = (outcome: string, version = 1) =>
    ask(`${admin}/reviews`, ROOT, { version, outcome, reference: 'HRB extract of today' })
  expect((await review('verified', 2)).status).toBe(404)
  expect((await review('verified')).body).toMatchObject({ state: 'verified' })
  expect((await ask(url)).body.state).toBe('verified')
  // A new version is looked at anew.
  await node(provider, 'PUT', '/v1/providers/self/trader', {
    ...DECLARATION,
    telephone: '+4940999999',
  })
  expect((await ask(url)).body).toMatchObject({
    state: 'declared',
    trader: { telephone: '+4940999999' },
  })
  context.clock.now++
  await review('refused', 2)
  expect((await ask(url)).status).toBe(404)
  expect((await ask(admin, ROOT)).body).toMatchObject({
    state: 'refused',
    missing: [{ what: 'refused-by-operator' }],
  })
})

test('a private person is no trader, and neither name nor address is shown', async () => {
  const provider = await addProvider(context)
  const { vatId: _, ...rest } = PROFILE
  await node(provider, 'PUT', '/v1/providers/self/tax-profile', {
    ...rest,
    kind: 'private',
    name: 'Ana Dias',
  })
  const { body } = await ask(`/v1/providers/${provider.peerId}/trader`)
  expect(body).toEqual({
    peerId: provider.peerId,
    kind: 'private',
    trader: null,
    state: 'declared',
  })
  // Data that only DAC7 asks for withhold nobody's money sooner than in 60 days.
  const at = context.now()
  await work()
  const own = (await node(provider, 'GET', '/v1/providers/self/trader')).body
  expect(own.missing.map((one: { law: string }) => one.law)).toEqual(['dac7', 'dac7'])
  expect(own.suspendedFrom).toBe(at + 60 * DAY_MS)
})

test.each([
  [{ ...DECLARATION, telephone: '040 123' }, 'telephone'],
  [{ ...DECLARATION, certification: 'yes' }, 'certification'],
  [{ ...DECLARATION, tins: [{ country: 'XX', tin: '1' }] }, 'tins.0.country'],
  [{ ...DECLARATION, more: 1 }, 'more'],
])('what is no declaration is refused, and the field is named: %#', async (given, field) => {
  const provider = await addProvider(context)
  await node(provider, 'PUT', '/v1/providers/self/tax-profile', PROFILE)
  const answer = await node(provider, 'PUT', '/v1/providers/self/trader', given)
  expect(answer).toMatchObject({ status: 400, body: { code: 'HANSE_REQUEST_INVALID' } })
  expect(answer.body.detail).toContain(field)
})

test('nobody else says or sees it', async () => {
  const provider = await addProvider(context)
  const stranger = newSigner()
  expect((await node(stranger, 'GET', '/v1/providers/self/trader')).body.code).toBe(
    'HANSE_PROVIDER_UNKNOWN',
  )
  expect((await ask('/v1/providers/self/trader')).body.code).toBe('HANSE_UNAUTHENTICATED')
  expect((await ask(`/v1/admin/traders/${provider.peerId}`)).status).toBe(401)
})

test('what is reported of a provider for tax is told to it alone', async () => {
  const provider = await addProvider(context)
  await earn(provider)
  const year = new Date(context.now()).getUTCFullYear()
  const { body } = await node(provider, 'GET', `/v1/providers/self/dac7/${year}`)
  expect(body.seller).toMatchObject({
    provider: provider.peerId,
    totals: { activities: 1, considerationCents: '15', feesCents: '5', taxesCents: '0' },
  })
  const all = (await ask(`/v1/admin/dac7/${year}`, ROOT)).body
  expect(all.sellers).toContainEqual(body.seller)
  expect((await node(newSigner(), 'GET', `/v1/providers/self/dac7/${year}`)).status).toBe(404)
  expect((await ask(`/v1/admin/dac7/${year + 1}`, ROOT)).status).toBe(400)
  const file = (await ask(`/v1/admin/dac7/${year}/csv`, ROOT)).body
  expect(file).toMatchObject({ file: `dac7-${year}.csv`, type: 'text/csv' })
  expect(file.content).toContain(provider.peerId)
})
