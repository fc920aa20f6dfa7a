import { type Signer, signRequest } from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import { addKeyOf, addMemberOf, addOrganization } from '../access/testing/people.ts'
import { newSigner } from '../testing/deals.ts'
import { addProvider, CENT, credit, hold, NETWORK } from '../testing/market.ts'

const DAY_MS = 86_400_000
const RESTRICTED = 'HANSE_PROCESSING_RESTRICTED'
const OWN = '/v1/providers/self/gdpr'
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
type Headers = Readonly<Record<string, string>>

let opened: AccessApp
beforeAll(async () => {
  opened = await openAccessApp({ requestsPerMinute: 1_000_000 })
}, 120_000)
afterAll(() => opened?.[Symbol.asyncDispose]())

let asked = 0
async function call(method: Method, url: string, headers: Headers, payload?: object) {
  const answer = await opened.app.inject({
    method,
    url,
    headers: { ...headers, 'idempotency-key': `k-${asked++}` },
    ...(payload !== undefined && { payload }),
  })
  const isJson = String(answer.headers['content-type']).includes('json')
  return { status: answer.statusCode, body: isJson ? answer.json() : undefined }
}

/** Asks for it, and has an operator do it. @returns where its steps go */
async function restrict(url: string, headers: Headers): Promise<{ id: string; steps: string }> {
  const { body } = await call('POST', url, headers, { kind: 'restriction' })
  return made(body.id)
}

async function made(id: string) {
  const steps = `/v1/admin/gdpr/requests/${id}/steps`
  for (const step of ['begun', 'done'])
    expect((await call('POST', steps, ROOT, { step })).status).toBe(200)
  return { id, steps }
}

async function send(by: Signer, method: 'GET' | 'POST', url: string, json?: object) {
  const { app, context } = opened
  const payload = json === undefined ? undefined : Buffer.from(JSON.stringify(json))
  const facts = { method, url, network: NETWORK, settlement: context.signer.peerId }
  const signed = signRequest(by, { ...facts, at: context.now(), ...(payload && { body: payload }) })
  const headers = { ...signed, ...(payload && { 'content-type': 'application/json' }) }
  const answer = await app.inject({ method, url, headers, ...(payload && { payload }) })
  return { status: answer.statusCode, body: answer.json() }
}

/** Each route, as somebody may try it who has nothing to show but who they are. */
function tried(which: (route: (typeof opened.app.routeAccess)[number]) => boolean) {
  return opened.app.routeAccess
    .filter((route) => !route.path.includes('*') && which(route))
    .map((route) => ({
      ...route,
      method: route.method as Method,
      url: route.path.replaceAll(/:\w+/gu, 'x'),
    }))
}

test('a restricted person reads what is theirs, corrects it and uses their rights, and no other route lets them in', async () => {
  const { organization } = await addOrganization(opened.context)
  const owner = await addMemberOf(opened.context, organization, 'owner')
  expect((await call('GET', '/v1/balance', owner.headers)).status).toBe(200)
  const { id } = await restrict('/v1/gdpr/me/requests', owner.headers)

  const refused = tried(
    ({ caller, permissions, method, whileRestricted }) =>
      whileRestricted !== true &&
      (permissions.length > 0 || (caller === 'person' && method !== 'GET')),
  )
  expect(refused.length).toBeGreaterThan(100)
  for (const { method, url } of refused) {
    const { status, body } = await call(method, url, owner.headers)
    expect([method, url, status, body?.code]).toEqual([method, url, 403, RESTRICTED])
  }
  for (const url of [
    '/v1/account',
    '/v1/account/sessions',
    '/v1/organizations',
    '/v1/gdpr/me/requests',
    '/v1/gdpr/me/export',
    // What they are an owner of has rights of its own, and nobody else may be there to use them.
    '/v1/gdpr/requests',
  ])
    expect([url, (await call('GET', url, owner.headers)).status]).toEqual([url, 200])
  const renamed = await call('PATCH', '/v1/account', owner.headers, { name: 'Right' })
  expect(renamed.status).toBe(200)
  expect((await call('GET', '/v1/account', owner.headers)).body).toMatchObject({
    name: 'Right',
    isRestricted: true,
  })

  const withdrawn = await call('POST', `/v1/gdpr/me/requests/${id}/withdraw`, owner.headers)
  expect(withdrawn.body).toMatchObject({ state: 'done', liftedAt: opened.context.now() })
  expect((await call('GET', '/v1/balance', owner.headers)).status).toBe(200)
  const again = await call('POST', `/v1/gdpr/me/requests/${id}/withdraw`, owner.headers)
  expect(again.body.code).toBe('HANSE_RIGHTS_REQUEST_STATE')
})

test('a restricted operator operates nothing', async () => {
  const { context } = opened
  const { organization } = await addOrganization(context)
  const factors = ['password', 'totp'] as const
  const person = await addMemberOf(context, organization, 'owner', undefined, factors)
  await context.store.executeSql(
    'insert into person_totp (person, sealed, created_at, confirmed_at) values ($1, $2, $3::timestamptz, $3::timestamptz)',
    [person.id, new Uint8Array(40), new Date(context.now()).toISOString()],
  )
  const made = { name: 'olga', role: 'operator' }
  const { body } = await call('POST', '/v1/admin/operators', ROOT, made)
  const link = `/v1/admin/operators/${body.operator}/person`
  const linked = await call('PUT', link, ROOT, { email: person.email })
  expect([linked.status, linked.body]).toEqual([200, expect.anything()])
  const look = () => call('GET', '/v1/operator', person.headers)
  expect((await look()).status).toBe(200)
  await restrict('/v1/gdpr/me/requests', person.headers)
  expect((await look()).body.code).toBe(RESTRICTED)
})

test('the keys of a restricted organization read, and neither spend nor change anything', async () => {
  const { context } = opened
  const { organization, key } = await addOrganization(context)
  const owner = await addMemberOf(context, organization, 'owner')
  const consumer = newSigner()
  await context.store.bindConsumers(organization, [consumer.peerId], context.now())
  await credit(context, organization, 1000n)
  const provider = await addProvider(context)
  const tenant = { organization, consumer }
  await hold(context, tenant, provider, 5n * CENT)
  const { id, steps } = await restrict('/v1/gdpr/requests', owner.headers)

  const { authorizations } = (await call('GET', '/v1/authorizations', key)).body
  expect(authorizations).toMatchObject([{ revokedBy: 'organization' }])
  for (const { method, url } of tried(
    ({ permissions, people, method: how, whileRestricted }) =>
      permissions.length > 0 && people === undefined && how !== 'GET' && whileRestricted !== true,
  )) {
    const { status, body } = await call(method, url, key)
    expect([method, url, status, body?.code]).toEqual([method, url, 403, RESTRICTED])
  }
  await expect(hold(context, tenant, provider, CENT)).rejects.toMatchObject({ code: RESTRICTED })
  expect((await call('GET', '/v1/balance', key)).status).toBe(200)
  expect((await call('GET', '/v1/organizations', owner.headers)).body.organizations).toMatchObject([
    { organization, isRestricted: true },
  ])
  const other = await addKeyOf(context, organization)
  const ended = await call('DELETE', `/v1/keys/${other.prefix}`, owner.headers)
  expect(ended.status).toBe(200)

  const detail = await call('GET', `/v1/gdpr/requests/${id}`, owner.headers)
  expect(detail.body.recipients).toHaveLength(2)
  expect(detail.body.recipients).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ node: provider.peerId, side: 'provider', authorizations: 1 }),
      expect.objectContaining({ node: consumer.peerId, side: 'consumer', authorizations: 1 }),
    ]),
  )
  await liftedOnlyAfterNotice(steps, owner.email)
  await hold(context, tenant, provider, CENT)
})

async function liftedOnlyAfterNotice(steps: string, to: string) {
  const { context, mails } = opened
  const lift = () => call('POST', steps, ROOT, { step: 'lifted' })
  expect((await lift()).body).toMatchObject({ code: 'HANSE_RIGHTS_REQUEST_STATE' })
  mails.length = 0
  const announced = await call('POST', steps, ROOT, { step: 'announced' })
  expect(announced.body).toMatchObject({ announcedAt: context.now(), liftedAt: null })
  const day = new Date(context.now() + 3 * DAY_MS).toISOString().slice(0, 10)
  await expect
    .poll(() => mails.filter((mail) => mail.to === to).map(({ text }) => text))
    .toEqual([expect.stringContaining(`on ${day} at the earliest`)])
  context.clock.now += 3 * DAY_MS - 1
  expect((await lift()).status).toBe(409)
  context.clock.now += 1
  expect((await lift()).status).toBe(200)
}

test('a directory reads a restricted organization, and changes nobody in it', async () => {
  const { context } = opened
  const { organization } = await addOrganization(context)
  const owner = await addMemberOf(context, organization, 'owner')
  const { body } = await call('POST', '/v1/scim-token', owner.headers)
  const directory = { authorization: `Bearer ${body.token}` }
  expect((await call('GET', '/scim/v2/Users', directory)).status).toBe(200)
  await restrict('/v1/gdpr/requests', owner.headers)
  expect((await call('GET', '/scim/v2/Users', directory)).status).toBe(200)
  const user = { schemas: [], userName: 'new@example.org', active: true }
  expect((await call('POST', '/scim/v2/Users', directory, user)).status).toBe(403)
  expect((await call('DELETE', `/scim/v2/Users/${owner.id}`, directory)).status).toBe(403)
})

test('to a restricted provider nothing is promised, nothing is attested of it and nothing is shown', async () => {
  const { context } = opened
  const { organization } = await addOrganization(context)
  const consumer = newSigner()
  await context.store.bindConsumers(organization, [consumer.peerId], context.now())
  await credit(context, organization, 1000n)
  const tenant = { organization, consumer }
  const [provider, other] = [await addProvider(context), await addProvider(context)]
  await hold(context, tenant, provider, CENT)
  expect((await send(provider, 'GET', '/v1/attestations/self')).body.refusal).toBeNull()

  const asking = await send(provider, 'POST', `${OWN}/requests`, { kind: 'restriction' })
  const { id } = await made(asking.body.id)
  const open = await context.store.authorizations({ organization, limit: 9 })
  expect(open.map(({ provider: to, revokedAt }) => [to, revokedAt])).toEqual([
    [provider.peerId, context.now()],
  ])
  await expect(hold(context, tenant, provider, CENT)).rejects.toMatchObject({ code: RESTRICTED })
  await hold(context, tenant, other, CENT)

  const location = await send(provider, 'GET', '/v1/attestations/self')
  expect(location.body).toMatchObject({ attestation: null, refusal: { reason: 'restricted' } })
  for (const path of ['/v1/attestations/challenges', '/v1/attestations'])
    expect((await send(provider, 'POST', path, {})).body.code).toBe(RESTRICTED)
  const levels = `/v1/providers/${provider.peerId}/service-levels`
  expect((await call('GET', levels, {})).body).toMatchObject({ months: [] })
  expect((await send(provider, 'GET', `${OWN}/requests/${id}`)).body).toMatchObject({
    recipients: [{ node: consumer.peerId, side: 'consumer' }],
  })

  const withdrawn = await send(provider, 'POST', `${OWN}/requests/${id}/withdraw`)
  expect(withdrawn.body).toMatchObject({ liftedAt: context.now() })
  await hold(context, tenant, provider, CENT)
  expect((await send(provider, 'GET', '/v1/attestations/self')).body.refusal).toBeNull()
})

test('what is spent with a key of a restricted person is attributed to nobody', async () => {
  const { context } = opened
  const { organization } = await addOrganization(context)
  const person = await addMemberOf(context, organization, 'developer')
  const by = { key: '', member: person.id, tags: ['team'] }
  const provider = (await addProvider(context)).peerId
  const spender = async () => (await context.store.askFacts({ organization, provider, by })).spender
  expect(await spender()).toEqual(by)
  const { id } = await restrict('/v1/gdpr/me/requests', person.headers)
  expect(await spender()).toEqual({ ...by, member: '' })
  await call('POST', `/v1/gdpr/me/requests/${id}/withdraw`, person.headers)
  expect(await spender()).toEqual(by)
})

test('of two restrictions each holds by itself', async () => {
  const { organization, key } = await addOrganization(opened.context)
  const owner = await addMemberOf(opened.context, organization, 'owner')
  const first = await restrict('/v1/gdpr/requests', owner.headers)
  const second = await restrict('/v1/gdpr/requests', owner.headers)
  const change = async () =>
    (await call('POST', '/v1/keys', owner.headers, { name: 'k', scopes: ['read'] })).status
  await call('POST', `/v1/gdpr/requests/${first.id}/withdraw`, owner.headers)
  expect(await change()).toBe(403)
  await call('POST', `/v1/gdpr/requests/${second.id}/withdraw`, owner.headers)
  expect(await change()).toBe(200)
  expect((await call('GET', '/v1/balance', key)).status).toBe(200)
})
