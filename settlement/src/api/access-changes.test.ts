import { cidOf } from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ACCESS_JOBS } from '../access/jobs.ts'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import { addKeyOf, addMemberOf, addOrganization, addPerson } from '../access/testing/people.ts'
import type { EventKind } from '../notifications/event-kinds.ts'
import { newSigner } from '../testing/deals.ts'
import { addProvider, CENT, credit, hold } from '../testing/market.ts'

const DAY_MS = 86_400_000

let opened: AccessApp
beforeAll(async () => {
  opened = await openAccessApp()
}, 120_000)
afterAll(() => opened[Symbol.asyncDispose]())

type Headers = Readonly<Record<string, string>>
async function call(method: 'GET' | 'POST', url: string, headers: Headers, payload?: object) {
  const response = await opened.app.inject({
    method,
    url,
    headers: { ...headers },
    ...(payload !== undefined && { payload }),
  })
  return { status: response.statusCode, body: response.json() }
}
const KEY = { name: 'k', scopes: ['read'] }

/** As long as it is there, entries that are so are refused. */
async function refusing(what: string): Promise<AsyncDisposable> {
  const { store } = opened.context
  await store.executeSql(
    `alter table access_log add constraint broken check (not (${what})) not valid`,
  )
  return {
    [Symbol.asyncDispose]: async () => {
      await store.executeSql('alter table access_log drop constraint broken')
    },
  }
}

test('what cannot be written down before is not done', async () => {
  const { organization, key } = await addOrganization(opened.context)
  {
    await using _broken = await refusing(`organization = '${organization}'`)
    expect((await call('POST', '/v1/keys', key, KEY)).status).toBe(500)
  }
  expect((await call('GET', '/v1/keys', key)).body.keys).toHaveLength(1)
})

test('of a change whose end could not be written down the log says that it was begun', async () => {
  const { organization, key } = await addOrganization(opened.context)
  {
    await using _broken = await refusing(`organization = '${organization}' and outcome = '200'`)
    expect((await call('POST', '/v1/keys', key, KEY)).status).toBe(200)
  }
  const log = async (outcome = '') =>
    (await call('GET', `/v1/access-log?limit=10${outcome}`, key)).body.entries
  expect(await log()).toMatchObject([{ action: 'POST /v1/keys', outcome: 'begun' }])
  expect((await call('POST', '/v1/keys', key, { name: 'k' })).status).toBe(400)
  expect((await call('POST', '/v1/keys', key, KEY)).status).toBe(200)
  expect(await log()).toMatchObject([{ outcome: '200' }, { outcome: 'begun' }])
  expect(await log('&outcome=begun')).toHaveLength(1)
})

test('an organization that is disabled takes nothing from its keys and its people, at once', async () => {
  const { context } = opened
  const { organization, key } = await addOrganization(context)
  const owner = await addMemberOf(context, organization, 'owner')
  const admin = `/v1/admin/organizations/${organization}`
  const { store, now } = context
  const consumer = newSigner()
  await store.bindConsumers(organization, [consumer.peerId], now())
  await credit(context, organization, 100n)
  const held = await hold(context, { organization, consumer }, await addProvider(context), CENT)
  expect((await call('POST', `${admin}/disable`, key)).status).toBe(401)
  const disabled = await call('POST', `${admin}/disable`, ROOT)
  expect(disabled).toMatchObject({ status: 200, body: { disabledAt: context.clock.now } })
  const revocation = async () => store.authorization(cidOf(held.bytes).toString())
  const before = await revocation()
  expect(before).toMatchObject({ revokedAt: now(), revokedBy: 'operator' })
  context.clock.now += 1000
  expect((await call('POST', `${admin}/disable`, ROOT)).body).toEqual(disabled.body)
  expect(await revocation()).toEqual(before)
  for (const headers of [key, owner.headers]) {
    expect(await call('GET', '/v1/balance', headers)).toMatchObject({
      status: 403,
      body: { code: 'HANSE_ORGANIZATION_DISABLED' },
    })
    expect((await call('POST', '/v1/keys', headers, KEY)).status).toBe(403)
  }
  const mine = (await call('GET', '/v1/organizations', owner.headers)).body.organizations
  expect(mine).toMatchObject([{ organization, isDisabled: true }])

  expect((await call('POST', `${admin}/enable`, ROOT)).body.disabledAt).toBeNull()
  expect((await call('GET', '/v1/balance', key)).status).toBe(200)
  const { entries } = (await call('GET', '/v1/access-log', owner.headers)).body
  expect(entries[0]).toMatchObject({ actor: 'operator:root', outcome: 'ok', address: null })
  const nowhere = '/v1/admin/organizations/org_nowhere/disable'
  expect((await call('POST', nowhere, ROOT)).status).toBe(404)
})

const told = async (organization: string, kind: EventKind) =>
  (await opened.context.store.events({ owner: organization, kind, limit: 10 })).map(
    ({ subject, facts }) => ({ subject, facts }),
  )

test('an organization is told of who is invited and who joins, without their address', async () => {
  const { context, mails } = opened
  const { organization } = await addOrganization(context)
  const admin = await addMemberOf(context, organization, 'admin')
  const email = 'told@example.org'
  const { body } = await call('POST', '/v1/invitations', admin.headers, { email, role: 'auditor' })
  const person = await addPerson(context, email)
  const token = /#([\w-]{43})$/mu.exec(mails.at(-1)?.text ?? '')?.[1] ?? ''
  expect((await call('POST', '/v1/invitations/accept', person.headers, { token })).status).toBe(200)
  const role = 'auditor'
  expect(await told(organization, 'member.invited')).toEqual([
    { subject: body.id, facts: { role, by: `person:${admin.id}` } },
  ])
  expect(await told(organization, 'member.joined')).toEqual([
    { subject: person.id, facts: { role } },
  ])
})

test('a key that ends is told of a week and a day before, once each, and not when it was rotated', async () => {
  const { context } = opened
  const { organization, key } = await addOrganization(context)
  const job = ACCESS_JOBS.find(({ name }) => name === 'expiring-keys')
  const run = () => job?.work(context, new AbortController().signal)
  const start = context.clock.now
  const { prefix } = await addKeyOf(context, organization, { expiresAt: start + 30 * DAY_MS })
  await addKeyOf(context, organization, { expiresAt: start + DAY_MS / 2 })
  const old = await addKeyOf(context, organization, { expiresAt: start + 30 * DAY_MS })
  await run()
  const seen = async () => (await told(organization, 'key.expiring')).map(({ facts }) => facts.days)
  expect(await seen()).toEqual([])
  context.clock.now = start + 24 * DAY_MS
  await call('POST', `/v1/keys/${old.prefix}/rotate`, key, { overlapMs: DAY_MS })
  await run()
  await run()
  expect(await told(organization, 'key.expiring')).toMatchObject([
    { subject: prefix, facts: { name: 'k', days: 7 } },
  ])
  context.clock.now = start + 29.5 * DAY_MS
  await run()
  await run()
  expect(await seen()).toEqual([1, 7])
  context.clock.now = start + 31 * DAY_MS
  await run()
  expect(await seen()).toEqual([1, 7])
})

test('an import that brings nothing in is told of, without what was in it', async () => {
  const { organization, key } = await addOrganization(opened.context)
  const send = (url: string, payload: string) =>
    opened.app.inject({
      method: 'POST',
      url,
      payload,
      headers: { ...key, 'content-type': 'text/csv' },
    })
  await send('/v1/imports/litellm?source=gateway&dryRun=true', 'a secret')
  expect(await told(organization, 'import.failed')).toEqual([])
  expect((await send('/v1/imports/litellm?source=gateway', 'a secret')).statusCode).toBeLessThan(
    500,
  )
  const events = await told(organization, 'import.failed')
  expect(events).toMatchObject([{ subject: 'gateway', facts: { format: 'litellm', accepted: 0 } }])
  expect(JSON.stringify(events)).not.toContain('a secret')
})
