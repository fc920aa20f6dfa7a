import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeCanonical, type Signer, signRequest } from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { writeSubmissions } from '../receipts/submission.ts'
import { openSettlement, type Settlement } from '../settlement.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { makeDeal } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK } from '../testing/market.ts'
import { lineOf } from '../testing/statements.ts'

let folder: string
let settlement: Settlement
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-alerts-'))
  await prepareDataDir(folder)
  settlement = await openSettlement({ dataDir: folder, network: NETWORK, verifyThreads: 1 })
}, 180_000)
afterAll(async () => {
  await settlement[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function call(
  method: 'GET' | 'POST',
  url: string,
  headers: Record<string, string>,
  payload?: object | Buffer,
) {
  const request = { method, url, headers, ...(payload !== undefined && { payload }) }
  for (;;) {
    const response = await settlement.app.inject(request)
    // A machine that does other things as well makes the service say: later.
    if (response.statusCode !== 503) return response
  }
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const signed = (signer: Signer, url: string) =>
  signRequest(signer, {
    method: 'GET',
    url,
    network: NETWORK,
    settlement: settlement.peerId,
    at: Date.now(),
  })

async function newKey(): Promise<{ organization: string; apiKey: string }> {
  const admin = bearer(settlement.operatorToken)
  const made = await call('POST', '/v1/admin/organizations', admin, {
    name: 'Test GmbH',
    lawfulBasis: 'contract',
  })
  expect(made.json()).toMatchObject({ apiKey: expect.any(String) })
  return made.json()
}

test('two truths are told to both sides and to the operator, who decides on them', async () => {
  const { context } = settlement
  const { organization, apiKey } = await newKey()
  const stranger = await newKey()
  const tenant = { ...(await addTenant(context, 100n)) }
  const provider = await addProvider(context)
  const other = await addProvider(context)
  const authorization = await hold(context, tenant, provider, CENT)
  const parties = { network: NETWORK, consumer: tenant.consumer, provider, authorization }
  const { submission, session } = makeDeal({ ...parties, at: Date.now() })
  const [kept, more] = [submission(1, 5), submission(1, 7)]
  const cbor = { 'content-type': 'application/cbor' }
  const body = () => Buffer.from(writeSubmissions([kept, more]))
  const answer = await call('POST', '/v1/receipts', cbor, body())
  expect(answer.json().results).toMatchObject([
    { status: 'booked' },
    { status: 'rejected', code: 'HANSE_RECEIPT_EQUIVOCATION' },
  ])
  const contradicting = lineOf(more).receipt.toString()
  const told = { subject: session, organization: tenant.organization, contradicting }

  const ownPath = '/v1/providers/self/alerts'
  expect((await call('GET', ownPath, signed(provider, ownPath))).json().alerts).toMatchObject([
    told,
  ])
  expect((await call('GET', ownPath, signed(other, ownPath))).json().alerts).toEqual([])
  expect((await call('GET', ownPath, {})).statusCode).toBe(401)
  for (const key of [apiKey, stranger.apiKey]) {
    expect((await call('GET', '/v1/alerts', bearer(key))).json()).toEqual({
      alerts: [],
      next: null,
    })
  }
  expect(organization).not.toBe(tenant.organization)
  expect((await call('GET', '/v1/alerts', {})).statusCode).toBe(401)

  const admin = bearer(settlement.operatorToken)
  const { events } = (
    await call('GET', '/v1/admin/events?kind=receipt.contradiction', admin)
  ).json()
  expect(events).toMatchObject([{ severity: 'urgent', facts: { provider: provider.peerId } }])
  const conflicts = await call('GET', '/v1/admin/conflicts', admin)
  expect(conflicts.json().conflicts).toMatchObject([
    { ...told, evidence: `/v1/admin/conflicts/${contradicting}` },
  ])
  const evidence = await call('GET', `/v1/admin/conflicts/${contradicting}`, admin)
  expect(evidence.headers['content-type']).toBe('application/cbor')
  expect(decodeCanonical(new Uint8Array(evidence.rawPayload), 1 << 20)).toMatchObject({
    session,
    receipts: [{ cid: lineOf(kept).receipt.toString() }, { cid: contradicting }],
  })
  for (const path of ['conflicts', `conflicts/${contradicting}`, 'alerts', 'ingest']) {
    expect((await call('GET', `/v1/admin/${path}`, bearer(apiKey))).statusCode).toBe(401)
  }
  expect((await call('GET', '/v1/admin/conflicts/bafyreinothing23456', admin)).statusCode).toBe(404)

  const path = `/v1/admin/sessions/${session}/resolve`
  const resolve = () => call('POST', path, admin, { keep: contradicting })
  expect((await resolve()).json()).toEqual({
    session,
    kept: contradicting,
    increase: '400000',
    open: 0,
  })
  expect((await resolve()).json()).toMatchObject({ code: 'HANSE_RESOLUTION_INVALID' })
  expect((await call('GET', '/v1/admin/conflicts', admin)).json().conflicts).toEqual([])
  expect((await call('GET', '/v1/admin/alerts', admin)).json().alerts).toMatchObject([
    { ...told, resolvedAt: expect.any(Number) },
  ])
  const counted = await call('GET', '/v1/admin/ingest', admin)
  expect(counted.json()).toMatchObject({
    batches: 0,
    bytes: 0,
    sessions: { HANSE_RECEIPT_EQUIVOCATION: 1, booked: 1 },
  })
})
