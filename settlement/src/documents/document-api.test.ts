import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  digestOfDocument,
  entryOfEvent,
  logEvent,
  type Signer,
  settlementProof,
  signRequest,
  verifyProof,
} from '@hanse/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ingest } from '../receipts/ingest.ts'
import { openSettlement, type Settlement } from '../settlement.ts'
import { startVies } from '../tax/testing/vies-double.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { makeDeal, newSigner } from '../testing/deals.ts'
import { addProvider, CENT, hold, NETWORK, NOW, type TestContext } from '../testing/market.ts'
import { brokenRules } from './testing/en16931.ts'

const CARD = 'pm_card_bypassPending'
const FEBRUARY = Date.UTC(2027, 1, 1, 2)

let folder: string
let settlement: Settlement
let vies: Awaited<ReturnType<typeof startVies>>
let clock = NOW
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-documents-'))
  vies = await startVies(() => ({ body: { valid: true, requestIdentifier: 'WAPIAAAAZ1' } }))
  await prepareDataDir(folder)
  settlement = await openSettlement({
    dataDir: folder,
    network: NETWORK,
    verifyThreads: 0,
    now: () => clock,
    viesUrl: vies.url,
    seller: {
      name: 'Hanse Betriebs GmbH',
      street: 'Speicherstraße 7',
      postalCode: '20457',
      city: 'Hamburg',
      country: 'DE',
      vatId: 'DE123456789',
      ossSince: '2026-01-01',
    },
  })
})
afterAll(async () => {
  await settlement?.[Symbol.asyncDispose]()
  await vies?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

interface Call {
  readonly key?: string
  readonly json?: unknown
  readonly headers?: Record<string, string>
}

async function call(
  method: 'GET' | 'POST' | 'PUT',
  url: string,
  { key, json, headers }: Call = {},
) {
  const response = await settlement.app.inject({
    method,
    url,
    headers: { ...(key !== undefined && { authorization: `Bearer ${key}` }), ...headers },
    ...(json !== undefined && { payload: json as object }),
  })
  const isJson = /json/u.test(String(response.headers['content-type']))
  // biome-ignore lint/suspicious/noExplicitAny: the shapes are what the tests are about
  const body: any = isJson ? response.json() : response.body
  return {
    status: response.statusCode,
    body,
    raw: response.rawPayload,
    type: response.headers['content-type'],
  }
}

const asOperator = (method: 'GET' | 'POST', url: string) =>
  call(method, url, { key: settlement.operatorToken })

async function newTenant(profile?: object) {
  const consumer = newSigner()
  const { body } = await call('POST', '/v1/admin/organizations', {
    key: settlement.operatorToken,
    json: { name: 'Test GmbH', consumers: [consumer.peerId], lawfulBasis: 'contract' },
  })
  const { organization, apiKey: key } = body as { organization: string; apiKey: string }
  const said = {
    name: 'Exemple SARL',
    email: 'a@example.org',
    line1: '1 rue',
    postalCode: '75001',
    city: 'Paris',
    country: 'FR',
  }
  if (profile !== undefined) {
    const set = await call('PUT', '/v1/billing/profile', { key, json: { ...said, ...profile } })
    expect(set.status).toBe(200)
  }
  return { organization, key, consumer }
}

const pay = async (key: string, cents: string) => {
  const headers = { 'idempotency-key': `${key}-${cents}` }
  const paid = await call('POST', '/v1/top-ups', {
    key,
    json: { cents, paymentMethod: CARD },
    headers,
  })
  expect(paid.body).toMatchObject({ state: 'succeeded' })
  return paid.body as { id: string }
}

const write = async () => {
  expect(await settlement.jobs.run('documents')).toMatchObject({ state: 'done' })
}

/** The only document of a kind that a key sees. */
async function only(key: string, kind: string, prefix = '/v1') {
  const { body } = await call('GET', `${prefix}/documents?kind=${kind}`, { key })
  expect(body.documents).toHaveLength(1)
  return body.documents[0]
}

const signed = (signer: Signer, method: 'GET' | 'PUT', url: string, body?: string, at = clock) =>
  signRequest(signer, {
    method,
    url,
    network: NETWORK,
    settlement: settlement.peerId,
    at,
    ...(body !== undefined && { body: Buffer.from(body) }),
  })

describe('documents over HTTP', () => {
  test('a consumer at home pays VAT within a top-up, and has an invoice in every form', async () => {
    const { key, organization } = await newTenant({ kind: 'consumer', country: 'DE' })
    await pay(key, '11900')
    expect((await call('GET', '/v1/balance', { key })).body.available).toBe(`${10_000n * CENT}`)
    await write()
    const summary = await only(key, 'advance-invoice')
    expect(summary).toMatchObject({
      party: organization,
      test: false,
      netCents: '10000',
      vatCents: '1900',
      grossCents: '11900',
    })
    const at = `/v1/documents/${summary.number}`
    const json = await call('GET', at, { key })
    expect(json.body).toMatchObject({
      buyer: { name: 'Exemple SARL', city: 'Paris', country: 'DE' },
      tax: { category: 'S', rateBps: 1900, rule: 'domestic', state: 'DE' },
    })
    const xml = await call('GET', `${at}.xml`, { key })
    expect(brokenRules(xml.body)).toEqual([])
    const pdf = await call('GET', `${at}.pdf?lang=en`, { key })
    expect([pdf.type, pdf.raw.subarray(0, 5).toString()]).toEqual(['application/pdf', '%PDF-'])
    expect((await call('GET', `${at}.csv`, { key })).body).toContain(',top-up,')
    const check = await asOperator('GET', `/v1/admin/documents/${summary.number}/check`)
    expect(check.body).toMatchObject({ sound: true, stored: summary.sha256, differences: [] })
  })

  test('a business elsewhere whose VAT id VIES knows accounts for the tax itself, and VIES’ number is on file', async () => {
    const { key } = await newTenant({ kind: 'business', vatId: 'FR12345678901' })
    await pay(key, '5000')
    await write()
    const { number } = await only(key, 'advance-invoice')
    const { body } = await call('GET', `/v1/documents/${number}`, { key })
    expect(body).toMatchObject({
      tax: { category: 'AE', rule: 'rc_eu', vatIdCheck: { consultation: 'WAPIAAAAZ1' } },
      totals: { netCents: '5000', vatCents: '0' },
      buyer: { vatId: 'FR12345678901' },
    })
    const xml = await call('GET', `/v1/documents/${number}.xml`, { key })
    expect(brokenRules(xml.body)).toEqual([])
    expect(vies.asked.at(-1)?.body).toMatchObject({ requesterNumber: '123456789' })
  })

  test('what an operator has looked up counts as if VIES had said it', async () => {
    const { key, organization } = await newTenant({ kind: 'business', vatId: 'FR12345678901' })
    const confirm = (valid: boolean, vatId = 'FR12345678901') =>
      call('POST', `/v1/admin/organizations/${organization}/vat-id-confirmations`, {
        key: settlement.operatorToken,
        json: { valid, vatId, reference: 'letter of 2 November' },
      })
    expect((await confirm(true, 'FR99345678901')).body.code).toBe('HANSE_VAT_ID_CHANGED')
    expect((await confirm(false)).body).toMatchObject({ vatId: 'FR12345678901', valid: false })
    await pay(key, '12000')
    expect((await confirm(true)).body.valid).toBe(true)
    await pay(key, '5000')
    await write()
    const { body } = await call('GET', '/v1/documents', { key })
    const charged = body.documents.map((one: { vatCents: string }) => one.vatCents)
    expect(new Set(charged)).toEqual(new Set(['0', '2000']))
  })

  test('the VAT report adds up what invoices and credit notes say, by rule, state and rate', async () => {
    const { body } = await asOperator('GET', '/v1/admin/vat?from=2026-11&to=2026-11')
    expect(body.sums.length).toBeGreaterThan(2)
    const all = await asOperator('GET', '/v1/admin/documents?limit=500')
    const total = all.body.documents.reduce(
      (sum: bigint, one: { kind: string; vatCents: string }) =>
        sum + (one.kind === 'credit-note' ? -1n : 1n) * BigInt(one.vatCents),
      0n,
    )
    const reported = body.sums.reduce(
      (sum: bigint, one: { vatCents: string }) => sum + BigInt(one.vatCents),
      0n,
    )
    expect(reported).toBe(total)
    expect(body.sums).toContainEqual(
      expect.objectContaining({ rule: 'oss', state: 'FR', rateBps: 2000 }),
    )
    expect((await asOperator('GET', '/v1/admin/vat?from=2026-13&to=2026-11')).status).toBe(400)
  })

  test('a refund has a credit note with its part of the VAT', async () => {
    const { key } = await newTenant({ kind: 'consumer' })
    const { id } = await pay(key, '12000')
    const headers = { 'idempotency-key': `refund-${id}` }
    const asked = await call('POST', '/v1/refunds', {
      key,
      json: { topUp: id, cents: '6000' },
      headers,
    })
    expect(asked.status).toBe(200)
    await settlement.jobs.run('payments')
    await write()
    const note = await only(key, 'credit-note')
    const invoice = await only(key, 'advance-invoice')
    expect(note).toMatchObject({ corrects: invoice.number, netCents: '5000', vatCents: '1000' })
    const xml = await call('GET', `/v1/documents/${note.number}.xml`, { key })
    expect(brokenRules(xml.body)).toEqual([])
    const check = await asOperator('GET', `/v1/admin/documents/${note.number}/check`)
    expect(check.body.sound).toBe(true)
  })

  test('nobody sees another’s documents, nor learns that they are there', async () => {
    const { key } = await newTenant({ kind: 'consumer' })
    await pay(key, '1000')
    await write()
    const { number } = await only(key, 'advance-invoice')
    const other = await newTenant()
    for (const path of ['', '.pdf', '.xml', '.csv', '/lines/1/receipts']) {
      const theirs = await call('GET', `/v1/documents/${number}${path}`, { key: other.key })
      expect(theirs).toMatchObject({ status: 404, body: { code: 'HANSE_NOT_FOUND' } })
      const nobody = await call('GET', `/v1/documents/${number}${path}`)
      expect(nobody.status).toBe(401)
    }
    const { body } = await call('GET', '/v1/documents', { key: other.key })
    expect(body.documents).toEqual([])
    const stranger = newSigner()
    const url = `/v1/providers/self/documents/${number}`
    const asked = await call('GET', url, { headers: signed(stranger, 'GET', url) })
    expect(asked.status).toBe(404)
  })

  test('a month ends with a statement of usage and the provider’s own invoice, each line with its receipts', async () => {
    clock = Date.UTC(2027, 0, 10)
    const { key, organization, consumer } = await newTenant({ kind: 'consumer' })
    await pay(key, '12000')
    const context = settlement.context as TestContext
    const provider = await addProvider(context)
    const said = JSON.stringify({
      kind: 'business',
      name: 'GPU Scheune e. K.',
      street: 'Am Deich 3',
      postalCode: '25992',
      city: 'List',
      country: 'DE',
      vatId: 'DE987654321',
      selfBillingTerms: '2026-11',
    })
    const profile = '/v1/providers/self/tax-profile'
    const headers = {
      ...signed(provider, 'PUT', profile, said),
      'content-type': 'application/json',
    }
    const response = await settlement.app.inject({
      method: 'PUT',
      url: profile,
      headers,
      payload: said,
    })
    expect(response.json()).toMatchObject({ version: 1, profile: { name: 'GPU Scheune e. K.' } })

    const authorization = await hold(context, { organization, consumer }, provider, 5_000n * CENT)
    const deals = Array.from({ length: 3 }, () =>
      makeDeal({ network: NETWORK, consumer, provider, at: clock, authorization }),
    )
    const booked = await ingest(
      context,
      deals.map(({ submission }) => submission(0, 50_000_000)),
    )
    expect(booked.every(({ status }) => status === 'booked')).toBe(true)
    clock = FEBRUARY
    expect(await settlement.jobs.run('close-months')).toMatchObject({
      output: { closed: [], waiting: { open: [{ point: 'comparison' }] } },
    })
    expect(await settlement.jobs.run('reconciliation')).toMatchObject({ output: { open: 0 } })
    expect(await settlement.jobs.run('close-months')).toMatchObject({ state: 'done' })

    const statement = await only(key, 'usage-statement')
    const lines = await call('GET', `/v1/documents/${statement.number}/lines/1/receipts?limit=2`, {
      key,
    })
    expect(lines.body.receipts).toHaveLength(2)
    const next = encodeURIComponent(lines.body.next)
    const rest = await call(
      'GET',
      `/v1/documents/${statement.number}/lines/1/receipts?after=${next}`,
      { key },
    )
    expect(rest.body).toMatchObject({ receipts: [{ sequence: '0' }], next: null })
    await settlement.context.log?.tick()
    const proof = await call('GET', rest.body.receipts[0].proof)
    expect([proof.status, proof.type]).toEqual([200, 'application/cbor'])

    const url = '/v1/providers/self/documents?kind=provider-statement'
    const { body } = await call('GET', url, { headers: signed(provider, 'GET', url) })
    const [earned] = body.documents
    const path = `/v1/providers/self/documents/${earned.number}`
    const json = await call('GET', path, { headers: signed(provider, 'GET', path) })
    expect(json.body).toMatchObject({
      tax: { category: 'S', rateBps: 1900 },
      selfBilling: { terms: '2026-11' },
      seller: { vatId: 'DE987654321' },
    })
    const { payable } = await settlement.store.providerBalance(provider.peerId)
    expect(BigInt(earned.grossCents)).toBe(payable / CENT)
    const xml = await call('GET', `${path}.xml`, {
      headers: signed(provider, 'GET', `${path}.xml`),
    })
    expect(brokenRules(xml.body)).toEqual([])
    for (const { number } of [statement, earned]) {
      const check = await asOperator('GET', `/v1/admin/documents/${number}/check`)
      expect(check.body).toMatchObject({ sound: true })
    }
    const again = await asOperator('POST', '/v1/admin/months/2027-01/close')
    expect(again.body).toMatchObject({ closed: true, statements: 0 })
  })

  test('who holds a document shows by the log alone that it is as it was issued', async () => {
    const { key } = await newTenant({ kind: 'consumer' })
    await pay(key, '700')
    expect(await settlement.jobs.run('documents')).toMatchObject({ state: 'done' })
    await settlement.context.log?.tick()
    const { number, proof } = await only(key, 'advance-invoice')
    const { raw, body } = await call('GET', `/v1/documents/${number}.json`, { key })
    const told = async (bytes: Buffer) => {
      const sha256 = Uint8Array.from(createHash('sha256').update(bytes).digest())
      const cid = digestOfDocument({ number, sha256, at: body.issuedAt }).cid.toString()
      return { cid, answer: await call('GET', `/v1/log/proof/${cid}`) }
    }
    const { cid, answer } = await told(raw)
    expect(proof).toBe(`/v1/log/proof/${cid}`)
    const proved = settlementProof.decode(Uint8Array.from(answer.raw))
    expect(logEvent.decode(proved.event)).toMatchObject({ kind: 'document-issued', sealed: null })
    expect(logEvent.decode(proved.event).record?.toString()).toBe(cid)
    const [vkey] = await settlement.store.logKeys()
    expect(
      verifyProof(proved.proof, entryOfEvent(proved.salt, proved.event), {
        logKey: vkey?.vkey ?? '',
      }).index,
    ).toBeGreaterThan(0n)
    // One letter of it, and the log knows nothing.
    const forged = await told(Buffer.from(raw.toString('utf8').replace('Exemple', 'Beispiel')))
    expect(forged.answer.status).not.toBe(200)
  })

  test('an operator opens nothing for a duty that may be read, and names a duty', async () => {
    const { key } = await newTenant({ kind: 'consumer' })
    await pay(key, '800')
    await settlement.jobs.run('documents')
    const { number } = await only(key, 'advance-invoice')
    const open = (json: object) =>
      call('POST', `/v1/admin/documents/${number}/openings`, {
        key: settlement.operatorToken,
        json,
      })
    const named = { duty: 'tax-audit', reference: 'audit 7' }
    expect(await open(named)).toMatchObject({
      status: 400,
      body: { code: 'HANSE_REQUEST_INVALID' },
    })
    for (const wrong of [{}, { ...named, duty: 'curiosity' }, { ...named, reference: ' ' }])
      expect((await open(wrong)).status).toBe(400)
    const theirs = await call('POST', `/v1/admin/documents/${number}/openings`, {
      key,
      json: named,
    })
    expect(theirs.status).toBe(401)
  })

  test('a statement of usage has no XML form', async () => {
    const { body } = await asOperator('GET', '/v1/admin/documents?kind=usage-statement')
    const { number } = body.documents[0]
    const xml = await asOperator('GET', `/v1/admin/documents/${number}.xml`)
    expect(xml).toMatchObject({ status: 406, body: { code: 'HANSE_DOCUMENT_FORM' } })
    expect((await asOperator('GET', `/v1/admin/documents/${number}.pdf`)).type).toBe(
      'application/pdf',
    )
  })

  test('a provider’s request is refused when it is old, changed, or signed for another network', async () => {
    const provider = await addProvider(settlement.context as TestContext)
    const url = '/v1/providers/self/documents?limit=5'
    const get = (headers: Record<string, string>, asked = url) => call('GET', asked, { headers })
    expect((await get(signed(provider, 'GET', url))).status).toBe(200)
    const other = {
      method: 'GET',
      url,
      network: 'elsewhere',
      settlement: settlement.peerId,
      at: clock,
    } as const
    const good = signed(provider, 'GET', url)
    const body = JSON.stringify({ kind: 'private' })
    const profile = '/v1/providers/self/tax-profile'
    for (const refused of [
      await get(signed(provider, 'GET', url, undefined, clock - 61_000)),
      await get(signed(provider, 'GET', url, undefined, clock + 61_000)),
      await get(signRequest(provider, other)),
      await get(signRequest(provider, { ...other, network: NETWORK, settlement: provider.peerId })),
      await get(good, '/v1/providers/self/documents?limit=6'),
      await get({
        ...good,
        'signature-input': good['signature-input']?.replace(/created=\d/u, 'created=2') ?? '',
      }),
      await get({}),
      await call('PUT', profile, {
        json: { kind: 'business' },
        headers: { ...signed(provider, 'PUT', profile, body), 'content-type': 'application/json' },
      }),
    ]) {
      expect(refused).toMatchObject({ status: 401, body: { code: 'HANSE_UNAUTHENTICATED' } })
    }
  })
})
