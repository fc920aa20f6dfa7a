import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  attestationSigners,
  auditTiles,
  cidOf,
  decodeLine,
  encodeCanonical,
  openCheckpoint,
  openSigned,
  providerBinding,
  regionAttestation,
  type SignedRecord,
  type Signer,
  signRecord,
  verifySettlementProof,
} from '@hanse/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeStatements } from '../receipts/statement-batch.ts'
import { writeSubmissions } from '../receipts/submission.ts'
import { openSettlement, type Settlement } from '../settlement.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { makeDeal, newSigner } from '../testing/deals.ts'
import { lineOf, type MadeStatement, makeStatement } from '../testing/statements.ts'

const NETWORK = 'test'
const context = { network: NETWORK }
/** A test card whose money is available at once. */
const CARD = 'pm_card_bypassPending'

let folder: string
let settlement: Settlement
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-settlement-'))
  await prepareDataDir(folder)
  settlement = await openSettlement({ dataDir: folder, network: NETWORK })
})
afterAll(async () => {
  await settlement[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

interface Call {
  readonly key?: string
  readonly json?: unknown
  readonly cbor?: Uint8Array
  readonly headers?: Record<string, string>
}

async function call(method: 'GET' | 'POST', url: string, { key, json, cbor, headers }: Call = {}) {
  const response = await settlement.app.inject({
    method,
    url,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(cbor !== undefined && { 'content-type': 'application/cbor' }),
      ...headers,
    },
    ...(json !== undefined && { payload: json as object }),
    ...(cbor !== undefined && { payload: Buffer.from(cbor) }),
  })
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are what the tests are about
  return { status: response.statusCode, body: response.json<any>(), headers: response.headers }
}

async function newTenant(consumers: readonly Signer[] = []) {
  const json = {
    name: 'Test GmbH',
    consumers: consumers.map(({ peerId }) => peerId),
    lawfulBasis: 'contract',
  }
  const { status, body } = await call('POST', '/v1/admin/organizations', {
    key: settlement.operatorToken,
    json,
  })
  expect(status).toBe(200)
  return body as { organization: string; apiKey: string }
}

const topUp = (key: string, cents: string, idempotency: string, paymentMethod = CARD) =>
  call('POST', '/v1/top-ups', {
    key,
    json: { cents, paymentMethod },
    headers: { 'idempotency-key': idempotency },
  })

function binding(provider: Signer, changes: object = {}): Uint8Array {
  const now = Date.now()
  const value = {
    provider: provider.peerId,
    settlement: settlement.signer.peerId,
    country: 'DE',
    issuedAt: now,
    notAfter: now + 60_000,
    ...changes,
  }
  return plain(signRecord(context, providerBinding, value, 'provider', provider))
}

const plain = ({ bytes, signatures }: SignedRecord) =>
  encodeCanonical({ bytes, signatures: signatures.map((signature) => ({ ...signature })) })

// biome-ignore lint/suspicious/noExplicitAny: parsed JSON
const toSigned = (json: any): SignedRecord => ({
  bytes: Buffer.from(json.bytes, 'base64'),
  signatures: json.signatures.map((one: { signature: string }) => ({
    ...one,
    signature: Buffer.from(one.signature, 'base64'),
  })),
})

/** Binds a provider and visits Stripe's page, as its owner would. */
async function onboard(provider: Signer) {
  const bound = await call('POST', '/v1/providers', { cbor: binding(provider) })
  expect(bound.body).toMatchObject({ payable: false, country: 'DE', attestation: null })
  // The link is for the holder of the node's key alone.
  const seen = await call('GET', `/v1/providers/${provider.peerId}`)
  expect(seen.body).toMatchObject({ payable: false, onboardingUrl: null })
  await fetch(bound.body.onboardingUrl)
  return call('GET', `/v1/providers/${provider.peerId}`)
}

/** As a reader with nothing but the service's address and peer id would. */
async function proveIn(prefix: string, session: string, made: MadeStatement) {
  const get = (url: string) => settlement.app.inject({ method: 'GET', url })
  await settlement.context.log?.tick()
  const { body } = await call('GET', '/v1/log/key')
  const key = toSigned(body.key)
  const checkpoint = await get(`${prefix}/checkpoint`)
  expect(checkpoint.headers['content-type']).toBe('text/plain; charset=utf-8')
  const { size, root } = openCheckpoint(checkpoint.body, body.vkey)
  const answer = await get(`/v1/log/proof/${session}?since=${size}`)
  expect(answer.headers['content-type']).toBe('application/cbor')
  const [line] = made.lines
  if (line === undefined) throw new Error('no line')
  const { order, receipt } = decodeLine(line)
  const remembered = { note: checkpoint.body }
  expect(
    verifySettlementProof(answer.rawPayload, { order, receipt }, { ...context, key, remembered }),
  ).toMatchObject({
    since: 'same',
    key: { value: { settlement: settlement.peerId, vkey: body.vkey } },
    event: { value: { kind: 'statement-settled' } },
  })
  // The public tiles make up the public checkpoint.
  const fetchTile = async (path: string) => {
    const tile = await get(`${prefix}/${path}`)
    if (tile.statusCode === 404) return undefined
    expect(tile.headers['content-type']).toBe('application/octet-stream')
    expect(tile.headers['cache-control']).toContain('immutable')
    return new Uint8Array(tile.rawPayload)
  }
  expect(await auditTiles(fetchTile, { size, root })).toMatchObject({
    ok: true,
    entriesChecked: size,
  })
  for (const none of ['tile/0/001', 'tile/entries/x', 'tile/0/..%2f', 'tile/64/000']) {
    expect((await get(`${prefix}/${none}`)).statusCode).toBe(404)
  }
  const unknown = cidOf(encodeCanonical('nothing')).toString()
  expect((await call('GET', `/v1/log/proof/${unknown}`)).body).toMatchObject({
    status: 404,
    code: 'HANSE_AUDIT_PENDING',
    retry: true,
  })
  expect((await call('GET', `/v1/log/proof/${session}?since=${size + 1n}`)).body).toMatchObject({
    code: 'HANSE_LOG_INDEX',
  })
  const check = await call('GET', '/v1/admin/log/check', { key: settlement.operatorToken })
  expect(check.body).toMatchObject({ sound: true, size: size.toString(), waiting: false })
}

describe('the API', () => {
  test('tells who it is, that it is well, and how to talk to it', async () => {
    expect((await call('GET', '/healthz')).body).toEqual({ status: 'ok' })
    expect((await call('GET', '/readyz')).body).toEqual({ status: 'ok', warnings: [] })
    expect((await call('GET', '/v1/identity')).body).toEqual({
      peerId: settlement.peerId,
      network: NETWORK,
    })
    const { body, headers } = await call('GET', '/openapi.json')
    expect(Object.keys(body.paths)).toContain('/v1/receipts')
    expect(
      body.paths['/v1/balance'].get.responses['200'].content['application/json'].schema,
    ).toMatchObject({
      properties: { available: { type: 'string' } },
    })
    expect(headers['content-security-policy']).toBeDefined()
  })

  test('carries a session from a top-up to euros in the provider’s account', async () => {
    const [consumer, provider] = [newSigner(), newSigner()]
    const { organization, apiKey: key } = await newTenant([consumer])
    expect((await topUp(key, '5000', 'first')).body).toMatchObject({
      state: 'succeeded',
      cents: '5000',
    })
    const account = await onboard(provider)
    expect(account.body).toMatchObject({ payable: true, onboardingUrl: null })
    const attestation = toSigned(account.body.attestation)
    const attested = openSigned(context, regionAttestation, attestation, attestationSigners)
    expect(attested.value).toMatchObject({ subject: provider.peerId, country: 'DE', level: 3 })

    const asked = await call('POST', '/v1/authorizations', {
      key,
      json: { consumer: consumer.peerId, provider: provider.peerId, amount: '1000000000000' },
      headers: { 'idempotency-key': 'promise' },
    })
    expect(asked.status).toBe(200)
    const authorization = toSigned(asked.body.authorization)
    expect((await call('GET', '/v1/balance', { key })).body).toEqual({
      organization,
      available: '49000000000000',
      held: '1000000000000',
      debt: '0',
    })

    const deal = makeDeal({
      network: NETWORK,
      consumer,
      provider,
      at: Date.now(),
      authorization,
      residency: { allow: ['EU'], minLevel: 3 },
    })
    const item = { ...deal.submission(0, 400_000), attestation }
    const cbor = writeSubmissions([item, item])
    expect((await call('POST', '/v1/receipts', { cbor })).body.results).toEqual([
      { status: 'booked', session: deal.session, increase: '80001000000' },
      { status: 'duplicate', session: deal.session },
    ])
    expect((await call('GET', `/v1/receipts/${deal.session}`)).body).toMatchObject({
      amount: '80001000000',
      fee: '20000250000',
      provider: provider.peerId,
    })

    const stated = makeDeal({ network: NETWORK, consumer, provider, at: Date.now(), authorization })
    const statement = makeStatement({ network: NETWORK, consumer, provider, authorization }, [
      lineOf(stated.submission(0, 5)),
    ])
    const statements = writeStatements([statement, statement])
    const booked = { statement: statement.cid.toString(), refused: [] }
    expect((await call('POST', '/v1/statements', { cbor: statements })).body.results).toEqual([
      {
        status: 'booked',
        increase: '2000000',
        sessions: { booked: 1, duplicate: 0, superseded: 0 },
        ...booked,
      },
      {
        status: 'duplicate',
        increase: '0',
        sessions: { booked: 0, duplicate: 1, superseded: 0 },
        ...booked,
      },
    ])
    expect((await call('GET', `/v1/receipts/${stated.session}`)).body).toMatchObject({
      amount: '2000000',
      statement: statement.cid.toString(),
    })

    await proveIn('/log', stated.session, statement)

    const operator = settlement.operatorToken
    const run = await call('POST', '/v1/admin/payout-runs', { key: operator, json: {} })
    expect(run.body.payouts).toMatchObject([
      { provider: provider.peerId, cents: '6', state: 'paid' },
    ])
    const listed = await call('GET', `/v1/admin/payouts?provider=${provider.peerId}`, {
      key: operator,
    })
    expect(listed.body).toMatchObject({ payouts: [{ cents: '6', state: 'paid' }], next: null })
    const check = await call('GET', '/v1/admin/ledger/check', { key: operator })
    expect(check.body).toMatchObject({ balanced: true, differences: [] })
    const entries = await call('GET', '/v1/admin/ledger/entries?limit=1', { key: operator })
    expect(entries.body.entries).toMatchObject([
      { kind: 'payout', credit: 'stripe_clearing/platform' },
    ])
    expect(entries.body.next).toBe(entries.body.entries[0].id)
  })

  test('credits a top-up once, though the key is sent again and Stripe tells it twice', async () => {
    const { apiKey: key } = await newTenant()
    settlement.stripeDouble?.copyWebhooks(3)
    const answers = await Promise.all([topUp(key, '700', 'once'), topUp(key, '700', 'once')])
    settlement.stripeDouble?.copyWebhooks(1)
    for (const { status } of answers) expect([200, 503]).toContain(status)
    expect((await topUp(key, '700', 'once')).body).toMatchObject({ state: 'succeeded' })
    await settlement.stripeDouble?.deliverWebhooks()
    expect((await call('GET', '/v1/balance', { key })).body.available).toBe('7000000000000')
    expect((await topUp(key, '701', 'once')).body).toMatchObject({ code: 'HANSE_IDEMPOTENCY_KEY' })
  })

  test('credits a top-up whose answer was lost when its webhook comes', async () => {
    const { apiKey: key } = await newTenant()
    // Charged, but the answer is a 500, which Stripe repeats for as long as it keeps the key.
    settlement.stripeDouble?.failNext({
      operation: 'PaymentIntents.create',
      when: 'after',
      status: 500,
    })
    const lost = await topUp(key, '300', 'lost')
    expect(lost.body.code).toBe('HANSE_PAYMENTS_UNAVAILABLE')
    await expect
      .poll(async () => (await call('GET', '/v1/balance', { key })).body.available, {
        timeout: 10_000,
      })
      .toBe('3000000000000')
    expect((await topUp(key, '300', 'lost')).body).toMatchObject({ state: 'succeeded' })
  })

  test('refuses a declined card with a code, and credits nothing', async () => {
    const { apiKey: key } = await newTenant()
    expect(await topUp(key, '700', 'a', 'pm_card_chargeDeclined')).toMatchObject({
      status: 402,
      body: { code: 'HANSE_PAYMENT_FAILED' },
    })
    expect((await call('GET', '/v1/balance', { key })).body.available).toBe('0')
  })

  test('keeps tenants apart by their keys', async () => {
    const mine = newSigner()
    const provider = newSigner()
    await onboard(provider)
    const first = await newTenant([mine])
    const second = await newTenant()
    await topUp(first.apiKey, '1000', 'k')
    expect((await topUp(second.apiKey, '500', 'k')).body.cents).toBe('500')
    const balance = await call('GET', '/v1/balance', { key: second.apiKey })
    expect(balance.body).toMatchObject({
      organization: second.organization,
      available: '5000000000000',
    })
    const json = { consumer: mine.peerId, provider: provider.peerId, amount: '1' }
    const headers = { 'idempotency-key': 'x' }
    expect(
      await call('POST', '/v1/authorizations', { key: second.apiKey, json, headers }),
    ).toMatchObject({
      status: 403,
      body: { code: 'HANSE_CONSUMER_UNKNOWN' },
    })
    const stolen = { name: 'Thief', consumers: [mine.peerId] }
    expect(
      await call('POST', '/v1/admin/organizations', {
        key: settlement.operatorToken,
        json: stolen,
      }),
    ).toMatchObject({ status: 409, body: { code: 'HANSE_CONSUMER_TAKEN' } })
    const forged = `${first.apiKey.slice(0, -43)}${second.apiKey.slice(-43)}`
    expect((await call('GET', '/v1/balance', { key: forged })).body.code).toBe(
      'HANSE_UNAUTHENTICATED',
    )
  })

  test('repeats an authorization under its key, and makes another under another', async () => {
    const [consumer, provider] = [newSigner(), newSigner()]
    const { apiKey: key } = await newTenant([consumer])
    await topUp(key, '100', 'a')
    await onboard(provider)
    const json = { consumer: consumer.peerId, provider: provider.peerId, amount: '1000' }
    const headers = { 'idempotency-key': 'x' }
    const other = { 'idempotency-key': 'y' }
    const ask = (more: object = {}) =>
      call('POST', '/v1/authorizations', { key, json, headers: other, ...more })
    const [first, again] = await Promise.all([ask({ headers }), ask({ headers })])
    expect(again.body).toEqual(first.body)
    expect((await ask({ headers, json: { ...json, amount: '1001' } })).body.code).toBe(
      'HANSE_IDEMPOTENCY_KEY',
    )
    expect((await ask()).body).not.toEqual(first.body)
    expect((await call('GET', '/v1/balance', { key })).body.held).toBe('2000')
    expect(
      (
        await ask({
          json: { ...json, amount: '2000000000000' },
          headers: { 'idempotency-key': 'z' },
        })
      ).body,
    ).toMatchObject({
      code: 'HANSE_BALANCE_INSUFFICIENT',
      status: 402,
    })
  })

  test('opens nothing of the operator’s to anybody else', async () => {
    const { apiKey } = await newTenant()
    const routes = [
      ['POST', '/v1/admin/organizations'],
      ['POST', '/v1/admin/organizations/x/consumers'],
      ['POST', '/v1/admin/payout-runs'],
      ['GET', '/v1/admin/payouts'],
      ['GET', '/v1/admin/ledger/entries'],
      ['GET', '/v1/admin/ledger/check'],
    ] as const
    for (const [method, url] of routes) {
      for (const key of [undefined, apiKey, `${settlement.operatorToken}x`, '']) {
        const json = method === 'POST' ? { json: { name: 'x', consumers: [] } } : {}
        const answer = await call(method, url, { ...json, ...(key !== undefined && { key }) })
        expect([url, answer.status, answer.body.code]).toEqual([url, 401, 'HANSE_UNAUTHENTICATED'])
      }
    }
  })

  test('answers every kind of bad input with its own code', async () => {
    const { apiKey: key } = await newTenant()
    const provider = newSigner()
    const peer = provider.peerId
    const authorization = { consumer: peer, provider: peer, amount: '1' }
    const cases: [string, string, Parameters<typeof call>[0], string, Call][] = [
      ['an unknown path', 'HANSE_NOT_FOUND', 'GET', '/v2/nothing', {}],
      ['no key', 'HANSE_UNAUTHENTICATED', 'GET', '/v1/balance', {}],
      ['no such key', 'HANSE_UNAUTHENTICATED', 'GET', '/v1/balance', { key: 'hanse_0' }],
      [
        'not JSON',
        'HANSE_REQUEST_JSON',
        'POST',
        '/v1/top-ups',
        { key, headers: { 'content-type': 'application/json' }, cbor: Buffer.from('{') },
      ],
      [
        'no idempotency key',
        'HANSE_IDEMPOTENCY_KEY',
        'POST',
        '/v1/top-ups',
        { key, json: { cents: '100', paymentMethod: 'x' } },
      ],
      [
        'a fraction',
        'HANSE_REQUEST_INVALID',
        'POST',
        '/v1/top-ups',
        { key, json: { cents: 1.5, paymentMethod: 'x' } },
      ],
      [
        'an unknown field',
        'HANSE_REQUEST_INVALID',
        'POST',
        '/v1/authorizations',
        { key, json: { ...authorization, x: 1 } },
      ],
      [
        'a negative amount',
        'HANSE_REQUEST_INVALID',
        'POST',
        '/v1/authorizations',
        { key, json: { ...authorization, amount: '-1' } },
      ],
      [
        'no peer id',
        'HANSE_REQUEST_INVALID',
        'POST',
        '/v1/authorizations',
        { key, json: { ...authorization, provider: 'x' } },
      ],
      [
        'an unbound provider',
        'HANSE_PROVIDER_UNKNOWN',
        'POST',
        '/v1/authorizations',
        { key, json: authorization, headers: { 'idempotency-key': 'x' } },
      ],
      ['JSON for CBOR', 'HANSE_MEDIA_TYPE', 'POST', '/v1/receipts', { json: {} }],
      ['no CBOR', 'HANSE_RECORD_MALFORMED', 'POST', '/v1/receipts', { cbor: Uint8Array.of(0xff) }],
      ['a list', 'HANSE_REQUEST_INVALID', 'POST', '/v1/receipts', { cbor: encodeCanonical([]) }],
      [
        'too many items',
        'HANSE_REQUEST_INVALID',
        'POST',
        '/v1/receipts',
        { cbor: encodeCanonical({ items: Array.from({ length: 501 }, () => 0) }) },
      ],
      [
        'too many bytes',
        'HANSE_REQUEST_TOO_LARGE',
        'POST',
        '/v1/receipts',
        { cbor: new Uint8Array((4 << 20) + 1) },
      ],
      ['no such session', 'HANSE_NOT_FOUND', 'GET', '/v1/receipts/bafy', {}],
      ['no such provider', 'HANSE_PROVIDER_UNKNOWN', 'GET', `/v1/providers/${peer}`, {}],
      [
        'another settlement',
        'HANSE_REQUEST_INVALID',
        'POST',
        '/v1/providers',
        { cbor: binding(provider, { settlement: peer }) },
      ],
      [
        'an old binding',
        'HANSE_REQUEST_INVALID',
        'POST',
        '/v1/providers',
        { cbor: binding(provider, { issuedAt: 1, notAfter: 2 }) },
      ],
      [
        'another’s signature',
        'HANSE_SIGNATURE_MISSING',
        'POST',
        '/v1/providers',
        { cbor: binding(newSigner(), { provider: peer }) },
      ],
      [
        'a forged webhook',
        'HANSE_WEBHOOK_SIGNATURE',
        'POST',
        '/v1/stripe/webhook',
        { json: {}, headers: { 'stripe-signature': 't=1,v1=00' } },
      ],
      [
        'no webhook signature',
        'HANSE_WEBHOOK_SIGNATURE',
        'POST',
        '/v1/stripe/webhook',
        { json: {} },
      ],
      [
        'a bad page',
        'HANSE_REQUEST_INVALID',
        'GET',
        '/v1/admin/payouts?limit=0',
        { key: settlement.operatorToken },
      ],
    ]
    for (const [name, code, method, url, options] of cases) {
      const { status, body, headers } = await call(method, url, options)
      expect([name, body.code, body.status]).toEqual([name, code, status])
      expect(headers['content-type']).toContain('application/problem+json')
    }
  })

  test('answers an item that is no submission in its place', async () => {
    const { body } = await call('POST', '/v1/receipts', {
      cbor: encodeCanonical({ items: [1, { order: null }] }),
    })
    expect(body.results).toMatchObject([
      { status: 'rejected', code: 'HANSE_RECORD_FIELDS' },
      { status: 'rejected', code: 'HANSE_RECORD_FIELDS' },
    ])
  })
})
