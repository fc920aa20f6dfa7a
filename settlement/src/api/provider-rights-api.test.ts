import {
  deletionConfirmation,
  deletionRequest,
  deletionRequestSigners,
  openSigned,
  type SignedRecord,
  type Signer,
  signedRecordSchema,
  signRecord,
  signRequest,
} from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import { eraseSubject } from '../rights/erase-subject.ts'
import { runDataExports } from '../rights/run-exports.ts'
import { tablesWith } from '../rights/testing/find-marker.ts'
import { newSigner } from '../testing/deals.ts'
import { addProvider, addTenant, CENT, hold, NETWORK } from '../testing/market.ts'
import { toSignedJson } from './schemas.ts'

const BASE = '/v1/providers/self/gdpr'
const WORD = 'geheim'

let opened: AccessApp
let provider: Signer
beforeAll(async () => {
  opened = await openAccessApp({ requestsPerMinute: 1_000_000 })
  provider = await addProvider(opened.context)
}, 120_000)
afterAll(() => opened?.[Symbol.asyncDispose]())

async function send(by: Signer, method: 'GET' | 'POST' | 'PUT', url: string, json?: object) {
  const { app, context } = opened
  const payload = json === undefined ? undefined : Buffer.from(JSON.stringify(json))
  const facts = { method, url, network: NETWORK, settlement: context.signer.peerId }
  const headers = {
    ...signRequest(by, { ...facts, at: context.now(), ...(payload && { body: payload }) }),
    ...(payload && { 'content-type': 'application/json' }),
  }
  return await app.inject({ method, url, headers, ...(payload && { payload }) })
}

test('a provider asks with its node’s key, and nobody else learns of it', async () => {
  const other = await addProvider(opened.context)
  const asked = await send(provider, 'POST', `${BASE}/requests`, {
    kind: 'rectification',
    note: 'another street',
  })
  expect(asked.statusCode, asked.body).toBe(200)
  const { id, state, openedBy } = asked.json<{ id: string; state: string; openedBy: string }>()
  expect([state, openedBy]).toEqual(['identified', `provider:${provider.peerId}`])
  const one = await send(provider, 'GET', `${BASE}/requests/${id}`)
  expect(one.json()).toMatchObject({ id, subjectKind: 'provider', deletions: [] })
  const listed = await send(provider, 'GET', `${BASE}/requests`)
  expect(listed.json()).toMatchObject({ requests: [{ id }] })

  expect((await send(other, 'GET', `${BASE}/requests/${id}`)).statusCode).toBe(404)
  expect((await send(other, 'GET', `${BASE}/requests`)).json()).toMatchObject({ requests: [] })
  const nobody = await send(newSigner(), 'GET', `${BASE}/requests`)
  expect(nobody.json()).toMatchObject({ code: 'HANSE_PROVIDER_UNKNOWN' })
  const unsigned = await opened.app.inject({ url: `${BASE}/requests` })
  expect(unsigned.statusCode).toBe(401)
  const wrong = await send(provider, 'POST', `${BASE}/requests`, { kind: 'erasure' })
  expect(wrong.json()).toMatchObject({ code: 'HANSE_REQUEST_INVALID' })
  const seen = await opened.app.inject({ url: `/v1/admin/gdpr/requests/${id}`, headers: ROOT })
  expect(seen.json()).toMatchObject({ id, subject: provider.peerId })
})

test('an export is the provider’s own, at once or in the background', async () => {
  const other = await addProvider(opened.context)
  const now = await send(provider, 'GET', `${BASE}/export`)
  expect([now.statusCode, now.headers['content-type']]).toEqual([200, 'application/gzip'])
  const made = await send(provider, 'POST', `${BASE}/exports`)
  const { id } = made.json<{ id: string }>()
  const file = `${BASE}/exports/${id}/file`
  expect((await send(provider, 'GET', file)).json()).toMatchObject({
    code: 'HANSE_DATA_EXPORT_STATE',
  })
  await runDataExports(opened.context, new AbortController().signal)
  expect((await send(other, 'GET', file)).statusCode).toBe(404)
  const fetched = await send(provider, 'GET', file)
  expect([fetched.statusCode, fetched.rawPayload.subarray(0, 2)]).toEqual([
    200,
    Buffer.from([0x1f, 0x8b]),
  ])
  expect((await send(provider, 'GET', `${BASE}/exports`)).json()).toMatchObject({
    exports: [{ id, state: 'done' }],
  })
})

test('an erasure wants the id once more, and leaves nothing that the provider has typed', async () => {
  const gone = await addProvider(opened.context)
  const profile = {
    kind: 'business',
    name: `${WORD} GmbH`,
    street: `${WORD} 1`,
    postalCode: '20457',
    city: WORD,
    country: 'DE',
    taxNumber: '12/345/67890',
  }
  const said = await send(gone, 'PUT', '/v1/providers/self/tax-profile', profile)
  expect(said.statusCode, said.body).toBe(200)
  await send(gone, 'POST', `${BASE}/requests`, { kind: 'objection', note: `${WORD} says no` })
  const shown = await send(gone, 'GET', '/v1/providers/self/tax-profile')
  expect(shown.json()).toMatchObject({ profile: { name: `${WORD} GmbH` } })
  expect(await tablesWith(opened.context.store, WORD)).toEqual(['rights_step'])
  const wrong = await send(gone, 'POST', `${BASE}/erase`, { confirm: provider.peerId })
  expect(wrong.json()).toMatchObject({ code: 'HANSE_REQUEST_INVALID' })
  const erased = await send(gone, 'POST', `${BASE}/erase`, { confirm: gone.peerId })
  expect(erased.json()).toMatchObject({ kind: 'provider', request: expect.stringMatching(/^rr_/u) })
  expect(await tablesWith(opened.context.store, WORD)).toEqual([])
  const left = await send(gone, 'GET', '/v1/providers/self/tax-profile')
  expect(left.json()).toMatchObject({ profile: null })
  const again = await send(gone, 'POST', `${BASE}/erase`, { confirm: gone.peerId })
  expect(again.json()).toMatchObject({
    tombstone: erased.json<{ tombstone: string }>().tombstone,
    request: null,
  })
})

test('a node is given what it is asked to erase, and confirms it', async () => {
  const { context } = opened
  const tenant = await addTenant(context, 100n)
  await hold(context, tenant, provider, CENT)
  const { organization } = tenant
  await context.store.executeSql(
    'update spend_authorization set closed_at = now() where organization = $1',
    [organization],
  )
  const subject = { kind: 'organization', id: organization } as const
  await eraseSubject(context, { subject, at: context.now(), givesUpBalance: true })

  const url = '/v1/gdpr/deletions?after=0'
  const given = await send(provider, 'GET', url)
  const { requests, next } = given.json<{ requests: Json[]; next: string | null }>()
  expect([given.statusCode, requests.length, next]).toEqual([200, 1, null])
  const [first] = requests
  if (first === undefined) throw new Error('nothing was asked')
  const asked = openSigned(
    { network: NETWORK },
    deletionRequest,
    signedOf(first),
    deletionRequestSigners,
  )
  expect(asked.value).toMatchObject({ node: provider.peerId, consumers: [tenant.consumer.peerId] })
  expect((await opened.app.inject({ url })).statusCode).toBe(401)

  const value = {
    settlement: context.signer.peerId,
    node: provider.peerId,
    side: 'provider' as const,
    request: asked.cid,
    sequence: 0,
    erased: [],
    kept: [],
    at: context.now(),
  }
  const signed = signRecord({ network: NETWORK }, deletionConfirmation, value, 'provider', provider)
  const confirm = (body: object) =>
    opened.app.inject({ method: 'POST', url: '/v1/gdpr/deletions/confirmations', payload: body })
  const forged = signRecord(
    { network: NETWORK },
    deletionConfirmation,
    value,
    'provider',
    newSigner(),
  )
  expect((await confirm(toSignedJson(forged))).json()).toMatchObject({
    code: 'HANSE_SIGNATURE_MISSING',
  })
  expect((await confirm({ bytes: '', signatures: [] })).statusCode).toBeGreaterThanOrEqual(400)
  for (let i = 0; i < 2; i++)
    expect((await confirm(toSignedJson(signed))).json()).toEqual({ state: 'confirmed' })
  expect((await send(provider, 'GET', url)).json()).toEqual({ requests: [], next: null })
  const seen = await opened.app.inject({
    url: `/v1/admin/gdpr/deletions?node=${provider.peerId}`,
    headers: ROOT,
  })
  expect(seen.json()).toMatchObject({
    deletions: [{ cid: asked.cid.toString(), state: 'confirmed', confirmation: { sequence: 0 } }],
  })
})

type Json = ReturnType<typeof toSignedJson>

function signedOf({ bytes, signatures }: Json): SignedRecord {
  const read = (text: string) => new Uint8Array(Buffer.from(text, 'base64'))
  return signedRecordSchema.parse({
    bytes: read(bytes),
    signatures: signatures.map((one) => ({ ...one, signature: read(one.signature) })),
  })
}
