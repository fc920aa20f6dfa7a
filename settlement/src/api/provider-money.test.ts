import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  authorizationRelease,
  cidOf,
  encodeCanonical,
  picoEuro,
  providerBinding,
  type Signer,
  signedFields,
  signRecord,
  signRequest,
} from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSettlement, type Settlement } from '../settlement.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { newSigner } from '../testing/deals.ts'
import { addTenant, CENT, hold, type TestContext } from '../testing/market.ts'

const NETWORK = 'test'

let folder: string
let settlement: Settlement
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-provider-money-'))
  // A machine that runs other tests too is slow, and that is not what these are about.
  const pressure = { eventLoopMs: Infinity }
  await prepareDataDir(folder)
  settlement = await openSettlement({ dataDir: folder, network: NETWORK, pressure })
})
afterAll(async () => {
  await settlement?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

async function call(method: Method, url: string, key?: string, json?: object) {
  const response = await settlement.app.inject({
    method,
    url,
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    ...(json !== undefined && { payload: json }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are what the tests are about
  return { status: response.statusCode, body: response.json<any>() }
}

async function newOperator(name: string): Promise<{ operator: string; token: string }> {
  const root = settlement.operatorToken
  const { status, body } = await call('POST', '/v1/admin/operators', root, { name })
  expect(status).toBe(200)
  return body
}

async function bind(signer: Signer, country: string) {
  const at = Date.now()
  const value = {
    provider: signer.peerId,
    settlement: settlement.peerId as Signer['peerId'],
    country,
    issuedAt: at,
    notAfter: at + 60_000,
  }
  const signed = signRecord({ network: NETWORK }, providerBinding, value, 'provider', signer)
  const response = await settlement.app.inject({
    method: 'POST',
    url: '/v1/providers',
    headers: { 'content-type': 'application/cbor' },
    payload: Buffer.from(encodeCanonical(signedFields(signed))),
  })
  // biome-ignore lint/suspicious/noExplicitAny: as above
  return { status: response.statusCode, body: response.json<any>() }
}

test('an operator has a token of their own, what they do is written down, and it ends when it is revoked', async () => {
  const root = settlement.operatorToken
  const { operator, token } = await newOperator('anna')
  expect((await call('GET', '/v1/admin/ledger/check', token)).status).toBe(200)
  expect((await call('POST', '/v1/admin/payout-runs', token)).body).toEqual({
    run: null,
    payouts: [],
  })
  const { body } = await call('GET', `/v1/admin/operator-actions?operator=${operator}`, token)
  expect(body.actions).toMatchObject([
    { operator, action: 'POST /v1/admin/payout-runs', path: '/v1/admin/payout-runs' },
  ])
  expect((await call('POST', '/v1/admin/operators', token, { name: 'eve' })).body.code).toBe(
    'HANSE_FORBIDDEN',
  )
  expect((await call('POST', '/v1/admin/operators', root, { name: 'anna' })).body.code).toBe(
    'HANSE_OPERATOR_TAKEN',
  )
  const listed = await call('GET', '/v1/admin/operators', root)
  expect(JSON.stringify(listed.body)).not.toContain(token.split('_').at(-1))
  expect((await call('DELETE', `/v1/admin/operators/${operator}`, root)).status).toBe(200)
  for (const wrong of [token, `${token}x`, 'hanse_op_000000000000_x', '']) {
    expect((await call('GET', '/v1/admin/payouts', wrong)).body.code).toBe('HANSE_UNAUTHENTICATED')
  }
})

test('an adjustment is posted when another person agrees, and root is one person', async () => {
  const root = settlement.operatorToken
  const { token } = await newOperator('bert')
  const { body: made } = await call('POST', '/v1/admin/organizations', root, { name: 'Test' })
  const credit = `available/${made.organization}`
  const json = { debit: 'promotions/platform', credit, amount: '5000', reason: 'goodwill' }
  const { body: proposed } = await call('POST', '/v1/admin/adjustments', root, json)
  expect(proposed).toMatchObject({ state: 'proposed', proposedBy: 'root', amount: '5000' })
  const approve = `/v1/admin/adjustments/${proposed.id}/approve`
  expect((await call('POST', approve, root, {})).body.code).toBe('HANSE_TWO_OPERATORS')
  expect((await call('POST', approve, token, { note: 'agreed' })).body).toMatchObject({
    state: 'posted',
    note: 'agreed',
  })
  expect((await call('POST', approve, token, {})).body.code).toBe('HANSE_ADJUSTMENT_STATE')
  const { body: balance } = await call('GET', '/v1/balance', made.apiKey)
  expect(balance.available).toBe('5000')
  const wrong = { ...json, debit: 'held/platform' }
  expect((await call('POST', '/v1/admin/adjustments', root, wrong)).body.code).toBe(
    'HANSE_ADJUSTMENT_ACCOUNT',
  )
  const { body: check } = await call('GET', '/v1/admin/ledger/check', root)
  expect(check.differences).toEqual([])
})

test('a provider is bound only where it can be paid, and sees what Stripe wants to know', async () => {
  const signer = newSigner()
  expect((await bind(signer, 'IS')).body.code).toBe('HANSE_PROVIDER_COUNTRY_UNSUPPORTED')
  const { body } = await bind(signer, 'DE')
  expect(body).toMatchObject({ payable: false, onboardingUrl: expect.any(String) })
  expect(body.requirements).toBeInstanceOf(Array)
  const { body: seen } = await call('GET', `/v1/providers/${signer.peerId}`)
  expect([body.feeBps, seen.feeBps]).toEqual([2500, 2500])
  expect(seen).not.toHaveProperty('requirements')
  expect(seen.onboardingUrl).toBeNull()
})

test('a provider whose account was taken away is not payable, and gets another account', async () => {
  const signer = newSigner()
  await bind(signer, 'DE')
  const before = await settlement.store.provider(signer.peerId)
  await settlement.stripeDouble?.setTransfers(before?.account ?? '', 'active')
  expect((await bind(signer, 'DE')).body).toMatchObject({ payable: true })
  await settlement.stripeDouble?.deauthorize(before?.account ?? '')
  await expect
    .poll(async () => (await settlement.store.provider(signer.peerId))?.payableSince)
    .toBeNull()
  expect((await bind(signer, 'DE')).body).toMatchObject({ payable: false })
  const after = await settlement.store.provider(signer.peerId)
  expect(after?.formerAccount).toBe(before?.account)
  expect(after?.account).not.toBe(before?.account)
  await settlement.stripeDouble?.setTransfers(after?.account ?? '', 'active')
  expect((await bind(signer, 'DE')).body).toMatchObject({ payable: true })
})

test('what a provider has earned is told to the holder of its key alone', async () => {
  const signer = newSigner()
  await bind(signer, 'DE')
  const url = '/v1/provider/earnings'
  const ask = async (by: Signer) => {
    const headers = signRequest(by, {
      method: 'GET',
      url,
      network: NETWORK,
      settlement: settlement.peerId,
      at: Date.now(),
    })
    const response = await settlement.app.inject({ method: 'GET', url, headers })
    // biome-ignore lint/suspicious/noExplicitAny: as above
    return response.json<any>()
  }
  expect(await ask(signer)).toEqual({
    peerId: signer.peerId,
    payable: '0',
    heldBack: '0',
    inTransit: '0',
    debt: '0',
    onHold: false,
    feeBps: 2500,
    held: [],
    payouts: [],
    bankPayouts: [],
  })
  expect((await ask(newSigner())).code).toBe('HANSE_PROVIDER_UNKNOWN')
  expect((await call('GET', url)).body.code).toBe('HANSE_UNAUTHENTICATED')
  const hold = `/v1/admin/providers/${signer.peerId}/payout-hold`
  const root = settlement.operatorToken
  expect((await call('PUT', hold, root, { reason: 'a question' })).status).toBe(200)
  expect(await ask(signer)).toMatchObject({ onHold: true })
  expect((await call('DELETE', hold, root)).body).toMatchObject({ releasedBy: 'root' })
  expect((await call('DELETE', hold, root)).body.code).toBe('HANSE_NOT_FOUND')
})

test('the terms are public, and a reconciliation of nothing finds nothing', async () => {
  const { body: terms } = await call('GET', '/v1/terms')
  expect(terms).toMatchObject({ currency: 'EUR', feeBps: 2500, payoutMinimumCents: '1' })
  expect(terms.payoutCountries).toContain('DE')
  expect(terms.holdBack.stages[0]).toEqual({
    untilDays: 14,
    untilCents: '5000',
    shareBps: 5000,
    days: 14,
  })
  const root = settlement.operatorToken
  const { body } = await call('POST', '/v1/admin/reconciliations?whole=true', root)
  expect(body).toMatchObject({ open: 0, explained: 0, differences: [], askedBy: 'root' })
  const { body: listed } = await call('GET', '/v1/admin/reconciliations', root)
  expect(listed.reconciliations).toHaveLength(1)
})

test('a provider gives back what it will not claim by its own word, once, and nobody else can', async () => {
  const { context } = settlement
  const signer = newSigner()
  await bind(signer, 'DE')
  const tenant = await addTenant(context, 100n)
  const held = await hold(context as TestContext, tenant, signer, 10n * CENT)
  const tell = async (by: Signer, to = settlement.peerId as Signer['peerId']) => {
    const value = {
      settlement: to,
      provider: by.peerId,
      authorization: cidOf(held.bytes),
      claims: picoEuro(0n),
      at: Date.now(),
    }
    const signed = signRecord({ network: NETWORK }, authorizationRelease, value, 'provider', by)
    const response = await settlement.app.inject({
      method: 'POST',
      url: '/v1/providers/self/releases',
      headers: { 'content-type': 'application/cbor' },
      payload: Buffer.from(encodeCanonical(signedFields(signed))),
    })
    // biome-ignore lint/suspicious/noExplicitAny: as above
    return response.json<any>()
  }
  expect((await tell(newSigner())).code).toBe('HANSE_NOT_FOUND')
  expect((await tell(signer, signer.peerId)).code).toBe('HANSE_RELEASE_CONSENT')
  expect(await context.store.balance(tenant.organization)).toMatchObject({ held: 10n * CENT })
  const first = await tell(signer)
  expect(first).toMatchObject({ spent: '0', released: (10n * CENT).toString() })
  expect(first.closedAt).toBeTypeOf('number')
  expect(await tell(signer)).toEqual(first)
  expect(await context.store.balance(tenant.organization)).toMatchObject({
    available: 100n * CENT,
    held: 0n,
  })
})

test('nothing of the operators’ is open to anybody else', async () => {
  const routes: readonly (readonly [Method, string])[] = [
    ['POST', '/v1/admin/operators'],
    ['GET', '/v1/admin/operators'],
    ['DELETE', '/v1/admin/operators/x'],
    ['GET', '/v1/admin/operator-actions'],
    ['GET', '/v1/admin/payout-runs'],
    ['POST', '/v1/admin/payout-runs/x/approve'],
    ['POST', '/v1/admin/payout-runs/x/cancel'],
    ['POST', '/v1/admin/payouts/x/reversals'],
    ['PUT', `/v1/admin/providers/${newSigner().peerId}/payout-hold`],
    ['GET', '/v1/admin/payout-holds'],
    ['POST', '/v1/admin/adjustments'],
    ['POST', '/v1/admin/adjustments/x/approve'],
    ['POST', '/v1/admin/adjustments/x/reject'],
    ['POST', '/v1/admin/reconciliations'],
    ['GET', '/v1/admin/differences'],
    ['POST', '/v1/admin/differences/x/resolve'],
  ]
  for (const [method, url] of routes) {
    for (const key of [undefined, `${settlement.operatorToken}x`]) {
      const answer = await call(method, url, key, method === 'GET' ? undefined : {})
      expect([url, answer.status, answer.body.code]).toEqual([url, 401, 'HANSE_UNAUTHENTICATED'])
    }
  }
})
