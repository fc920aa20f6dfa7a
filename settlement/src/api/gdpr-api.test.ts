import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import { addMemberOf, addOrganization, signIn, type TestPerson } from '../access/testing/people.ts'
import { runDataExports } from '../rights/run-exports.ts'
import { newSigner } from '../testing/deals.ts'
import { addProvider, CENT, credit, hold } from '../testing/market.ts'

const DAY_MS = 86_400_000

let opened: AccessApp
let organization: string
let owner: TestPerson
beforeAll(async () => {
  opened = await openAccessApp({ requestsPerMinute: 1_000_000 })
  organization = (await addOrganization(opened.context)).organization
  owner = await addMemberOf(opened.context, organization, 'owner', 'owner@example.org')
}, 120_000)
afterAll(() => opened[Symbol.asyncDispose]())

async function call(
  method: 'GET' | 'POST' | 'DELETE',
  url: string,
  headers: Readonly<Record<string, string>>,
  payload?: object,
) {
  const answer = await opened.app.inject({
    method,
    url,
    headers: { ...headers, 'idempotency-key': url },
    ...(payload !== undefined && { payload }),
  })
  return { status: answer.statusCode, body: answer.json() }
}

test('without a lawful basis no authorization is given, and withdrawing it ends those that are open', async () => {
  const { context } = opened
  const consumer = newSigner()
  await context.store.bindConsumers(organization, [consumer.peerId], context.now())
  await credit(context, organization, 1000n)
  const provider = await addProvider(context)
  const tenant = { organization, consumer }
  await hold(context, tenant, provider, 5n * CENT)

  const withdrawn = await call('DELETE', '/v1/gdpr/bases', owner.headers)
  expect(withdrawn).toMatchObject({ status: 200, body: { revoked: 1 } })
  const { body } = await call('GET', '/v1/authorizations', owner.headers)
  expect(body.authorizations).toMatchObject([{ revokedBy: 'organization' }])
  await expect(hold(context, tenant, provider, CENT)).rejects.toMatchObject({
    code: 'HANSE_LAWFUL_BASIS_REQUIRED',
  })
  expect((await call('DELETE', '/v1/gdpr/bases', owner.headers)).body.code).toBe('HANSE_NOT_FOUND')

  const given = await call('POST', '/v1/gdpr/bases', owner.headers, { basis: 'consent' })
  expect(given.body.bases).toMatchObject([
    { basis: 'contract', withdrawnBy: `person:${owner.id}` },
    { basis: 'consent', givenBy: `person:${owner.id}`, withdrawnAt: null },
  ])
  await hold(context, tenant, provider, CENT)

  const asked = await call('POST', '/v1/gdpr/requests', owner.headers, { kind: 'restriction' })
  const steps = `/v1/admin/gdpr/requests/${asked.body.id}/steps`
  for (const step of ['begun', 'done'])
    expect((await call('POST', steps, ROOT, { step })).status).toBe(200)
  await expect(hold(context, tenant, provider, CENT)).rejects.toMatchObject({
    code: 'HANSE_PROCESSING_RESTRICTED',
  })
  for (const step of ['announced', 'lifted']) {
    expect((await call('POST', steps, ROOT, { step })).status).toBe(200)
    context.clock.now += 3 * DAY_MS
  }
  await hold(context, tenant, provider, CENT)
})

test('an operator answers for who is locked out, in time, and whoever asked is told', async () => {
  const { context, mails } = opened
  const person = await addMemberOf(context, organization, 'developer', 'gone@example.org')
  const about = { subjectKind: 'person', subject: person.id }
  const { body: made } = await call('POST', '/v1/admin/gdpr/requests', ROOT, {
    kind: 'rectification',
    ...about,
    note: 'a letter',
  })
  expect(made).toMatchObject({
    state: 'received',
    history: [{ step: 'received', note: 'a letter' }],
  })
  const steps = `/v1/admin/gdpr/requests/${made.id}/steps`
  expect((await call('POST', steps, ROOT, { step: 'begun' })).body.code).toBe(
    'HANSE_RIGHTS_REQUEST_STATE',
  )
  await call('POST', steps, ROOT, { step: 'identified' })

  context.clock.now += 25 * DAY_MS
  const due = async () =>
    (await call('GET', '/v1/admin/gdpr/requests?dueWithinDays=7', ROOT)).body.requests as {
      id: string
    }[]
  expect((await due()).map(({ id }) => id)).toContain(made.id)
  const reminded = await context.store.remindOfRequests(context.now() + 7 * DAY_MS, context.now())
  expect(reminded.map(({ id }) => id)).toContain(made.id)
  expect(await context.store.remindOfRequests(context.now() + 7 * DAY_MS, context.now())).toEqual(
    [],
  )

  mails.length = 0
  const extended = await call('POST', steps, ROOT, { step: 'extended', ground: 'complexity' })
  expect(extended.body).toMatchObject({ extended: true, state: 'identified' })
  await expect.poll(() => mails.map(({ to }) => to)).toContain('gone@example.org')
  const refused = await call('POST', steps, ROOT, { step: 'refused', ground: 'not-ours' })
  expect(refused.body).toMatchObject({ state: 'refused', endedAt: context.now() })
  expect((await due()).map(({ id }) => id)).not.toContain(made.id)
})

test('an export is the subject’s alone', async () => {
  const { context } = opened
  const headers = await signIn(context, owner.id)
  const other = await addMemberOf(context, organization, 'owner', 'other@example.org')
  const { body: made } = await call('POST', '/v1/gdpr/me/exports', headers)
  const file = `/v1/gdpr/me/exports/${made.id}/file`
  const early = await call('GET', file, headers)
  expect(early.body.code).toBe('HANSE_DATA_EXPORT_STATE')
  await runDataExports(context, new AbortController().signal)
  const sent = await opened.app.inject({ url: file, headers })
  expect([sent.statusCode, sent.headers['content-type']]).toEqual([200, 'application/gzip'])
  expect((await call('GET', file, other.headers)).status).toBe(404)
  expect((await call('GET', file.replace('/me', ''), headers)).status).toBe(404)
})

test('an organization is erased only with its id, and the last owner stays', async () => {
  const { context } = opened
  const late = await signIn(context, owner.id)
  context.clock.now += 11 * 60_000
  const stale = await call('POST', '/v1/gdpr/erase', late, { confirm: organization })
  expect(stale.body.code).toBe('HANSE_SIGN_IN_AGAIN')
  const { organization: own } = await addOrganization(opened.context, 'Own')
  const alone = await addMemberOf(opened.context, own, 'owner')
  const refused = await call('POST', '/v1/gdpr/erase', alone.headers, { confirm: organization })
  expect(refused).toMatchObject({ status: 400, body: { code: 'HANSE_REQUEST_INVALID' } })
  const stays = await call('POST', '/v1/gdpr/me/erase', alone.headers)
  expect(stays.body.code).toBe('HANSE_LAST_OWNER')
  const erased = await call('POST', '/v1/gdpr/erase', alone.headers, { confirm: own })
  expect(erased).toMatchObject({ status: 200, body: { kind: 'organization' } })
  expect((await call('POST', '/v1/gdpr/me/erase', alone.headers)).status).toBe(200)
})
