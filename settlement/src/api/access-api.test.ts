import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import {
  addKeyOf,
  addMemberOf,
  addOrganization,
  addPerson,
  join,
} from '../access/testing/people.ts'
import { KEYS_MAX } from '../tenants/key-store.ts'

let opened: AccessApp
beforeAll(async () => {
  opened = await openAccessApp()
}, 120_000)
afterAll(() => opened[Symbol.asyncDispose]())

type Headers = Readonly<Record<string, string>>
async function call(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  headers: Headers,
  payload?: object,
) {
  const response = await opened.app.inject({
    method,
    url,
    headers: { ...headers },
    ...(payload !== undefined && { payload }),
  })
  return { status: response.statusCode, body: response.json(), headers: response.headers }
}
const code = (answer: { body: { code?: string } }) => answer.body.code

test('a member does what their role may, in the organization that they name', async () => {
  const { context } = opened
  const { organization } = await addOrganization(context)
  const other = await addOrganization(context)
  const billing = await addMemberOf(context, organization, 'billing')
  const balance = () => call('GET', '/v1/balance', billing.headers)
  expect(await balance()).toMatchObject({ status: 200, body: { organization } })
  expect(code(await call('GET', '/v1/keys', billing.headers))).toBe('HANSE_FORBIDDEN')

  const naming = { ...billing.headers, 'hanse-organization': other.organization }
  const nowhere = { ...billing.headers, 'hanse-organization': 'org_nowhere' }
  const foreign = await call('GET', '/v1/balance', naming)
  expect(foreign).toMatchObject({ status: 404, body: { code: 'HANSE_NOT_FOUND' } })
  expect(foreign.body).toEqual((await call('GET', '/v1/balance', nowhere)).body)

  context.clock.now += 1000
  await join(context, other.organization, billing.id, 'auditor')
  expect(code(await balance())).toBe('HANSE_REQUEST_INVALID')
  expect((await call('GET', '/v1/balance', naming)).body.organization).toBe(other.organization)
  expect(
    (await call('GET', '/v1/organizations', billing.headers)).body.organizations,
  ).toMatchObject([
    { organization, role: 'billing' },
    { organization: other.organization, role: 'auditor' },
  ])
})

test('a page of somebody else changes nothing for whoever is signed in', async () => {
  const { context } = opened
  const { organization } = await addOrganization(context)
  const owner = await addMemberOf(context, organization, 'owner')
  const { cookie = '' } = owner.headers
  const evil = { cookie, origin: 'https://evil.example' }
  const answer = await call('POST', '/v1/keys', evil, { name: 'k', scopes: ['read'] })
  expect(answer.status).toBe(403)
  expect((await call('GET', '/v1/keys', owner.headers)).body.keys).toHaveLength(1)
})

test('an invitation makes a member of the invited address alone, once, for a week', async () => {
  const { context, mails } = opened
  const { organization } = await addOrganization(context)
  const admin = await addMemberOf(context, organization, 'admin')
  const body = { email: 'New@example.org', role: 'developer' }
  const sent = await call('POST', '/v1/invitations', admin.headers, body)
  expect(sent.status).toBe(200)
  const token = linkOf(mails.at(-1)?.text)
  const accept = (headers: Headers, link = token) =>
    call('POST', '/v1/invitations/accept', headers, { token: link })

  const stranger = await addPerson(context, 'stranger@example.org')
  expect(code(await accept(stranger.headers))).toBe('HANSE_INVITATION_INVALID')
  const invited = await addPerson(context, 'new@example.org')
  await context.store.executeSql(
    `update person set email_verified_at = null where id = '${invited.id}'`,
  )
  expect(code(await accept(invited.headers))).toBe('HANSE_INVITATION_INVALID')
  await context.store.executeSql(
    `update person set email_verified_at = now() where id = '${invited.id}'`,
  )

  const again = `/v1/invitations/${sent.body.id}/resend`
  expect((await call('POST', again, admin.headers)).status).toBe(200)
  expect(code(await accept(invited.headers))).toBe('HANSE_INVITATION_INVALID')
  const renewed = linkOf(mails.at(-1)?.text)
  expect(mails.at(-1)?.to).toBe('new@example.org')
  const shown = await call('POST', '/v1/invitations/show', {}, { token: renewed })
  expect(shown.body).toMatchObject({ role: 'developer', email: 'new@example.org' })
  expect((await accept(invited.headers, renewed)).body).toEqual({ organization, role: 'developer' })
  expect(code(await accept(invited.headers, renewed))).toBe('HANSE_INVITATION_INVALID')
  expect(
    (
      await call(
        'GET',
        '/v1/usage?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z',
        invited.headers,
      )
    ).status,
  ).toBe(200)
  expect(code(await call('POST', '/v1/invitations', admin.headers, body))).toBe(
    'HANSE_REQUEST_INVALID',
  )
})

test('an invitation that was revoked or is a week old is worth nothing', async () => {
  const { context, mails } = opened
  const { organization } = await addOrganization(context)
  const owner = await addMemberOf(context, organization, 'owner')
  const invited = await addPerson(context, 'late@example.org')
  const body = { email: 'late@example.org', role: 'auditor' }
  const first = await call('POST', '/v1/invitations', owner.headers, body)
  const revoked = linkOf(mails.at(-1)?.text)
  const path = `/v1/invitations/${first.body.id}`
  expect((await call('DELETE', path, owner.headers)).status).toBe(200)
  expect((await call('DELETE', path, owner.headers)).status).toBe(404)
  const second = await call('POST', '/v1/invitations', owner.headers, body)
  const old = linkOf(mails.at(-1)?.text)
  await context.store.executeSql(
    `update invitation set expires_at = '2026-01-01' where id = '${second.body.id}'`,
  )
  for (const token of [revoked, old]) {
    const answer = await call('POST', '/v1/invitations/accept', invited.headers, { token })
    expect(code(answer)).toBe('HANSE_INVITATION_INVALID')
  }
})

test('only owners make owners, and the last one stays, also when two go at once', async () => {
  const { context } = opened
  const { organization, key } = await addOrganization(context)
  const [one, two] = [
    await addMemberOf(context, organization, 'owner'),
    await addMemberOf(context, organization, 'owner'),
  ]
  const admin = await addMemberOf(context, organization, 'admin')
  const path = `/v1/members/${admin.id}`
  expect(code(await call('PUT', path, admin.headers, { role: 'owner' }))).toBe('HANSE_FORBIDDEN')
  expect(code(await call('DELETE', `/v1/members/${one.id}`, admin.headers))).toBe('HANSE_FORBIDDEN')
  const owners = { email: 'x@example.org', role: 'owner' }
  expect(code(await call('POST', '/v1/invitations', admin.headers, owners))).toBe('HANSE_FORBIDDEN')
  expect(code(await call('PUT', path, key, { role: 'owner' }))).toBe('HANSE_FORBIDDEN')

  const gone = await Promise.all(
    [one, two].map((owner) => call('DELETE', `/v1/members/${owner.id}`, owner.headers)),
  )
  expect(gone.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, 409])
  const left = gone[0]?.status === 200 ? two : one
  const demote = await call('PUT', `/v1/members/${left.id}`, left.headers, { role: 'auditor' })
  expect(code(demote)).toBe('HANSE_LAST_OWNER')
})

test('whoever is removed has no access any more, nor have the keys that they made', async () => {
  const { context } = opened
  const { organization } = await addOrganization(context)
  const owner = await addMemberOf(context, organization, 'owner')
  const developer = await addMemberOf(context, organization, 'developer')
  const scopes = ['read', 'keys', 'billing']
  const made = await call('POST', '/v1/keys', developer.headers, { name: 'mine', scopes })
  const bearer = { authorization: `Bearer ${made.body.apiKey}` }
  // A developer's key has the scope, and still no more than a developer.
  expect(code(await call('GET', '/v1/payment-methods', bearer))).toBe('HANSE_FORBIDDEN')
  const child = await call('POST', '/v1/keys', bearer, { name: 'of mine', scopes: ['read'] })
  const inherited = { authorization: `Bearer ${child.body.apiKey}` }
  for (const headers of [developer.headers, bearer, inherited]) {
    expect((await call('GET', '/v1/balance', headers)).status).toBe(200)
  }
  await call('DELETE', `/v1/members/${developer.id}`, owner.headers)
  expect((await call('GET', '/v1/balance', developer.headers)).status).toBe(404)
  for (const headers of [bearer, inherited]) {
    expect((await call('GET', '/v1/balance', headers)).status).toBe(401)
  }
})

test('a role that becomes less makes less of the keys, too', async () => {
  const { context } = opened
  const { organization } = await addOrganization(context)
  const owner = await addMemberOf(context, organization, 'owner')
  const admin = await addMemberOf(context, organization, 'admin')
  const made = await call('POST', '/v1/keys', admin.headers, { name: 'k', scopes: ['read'] })
  const bearer = { authorization: `Bearer ${made.body.apiKey}` }
  expect((await call('GET', '/v1/access-log', bearer)).status).toBe(200)
  await call('PUT', `/v1/members/${admin.id}`, owner.headers, { role: 'developer' })
  expect((await call('GET', '/v1/access-log', bearer)).status).toBe(403)
})

test('changes are written down with who, what and how it ended, for ever', async () => {
  const { context } = opened
  const { organization, key } = await addOrganization(context)
  const auditor = await addMemberOf(context, organization, 'auditor')
  const target = await addKeyOf(context, organization)
  await call('DELETE', `/v1/keys/${target.prefix}`, auditor.headers)
  await call('DELETE', `/v1/keys/${target.prefix}`, key)
  await call('POST', '/v1/keys', key, { name: 'a secret name', scopes: ['read'] })
  const { body } = await call('GET', '/v1/access-log', auditor.headers)
  expect(body.entries).toMatchObject([
    { action: 'POST /v1/keys', outcome: '200', targets: {} },
    {
      action: 'DELETE /v1/keys/:prefix',
      outcome: '200',
      targets: { prefix: target.prefix },
      address: '127.0.0.1',
    },
    { actor: `person:${auditor.id}`, outcome: '403' },
  ])
  expect(JSON.stringify(body)).not.toContain('a secret name')
  const refused = await call('GET', '/v1/access-log?outcome=403&limit=1', auditor.headers)
  expect(refused.body.entries).toHaveLength(1)
  const older = await call('GET', `/v1/access-log?before=${refused.body.next}`, auditor.headers)
  expect(older.body.entries).toEqual([])
  for (const change of ["update access_log set actor = 'x'", 'delete from access_log']) {
    await expect(context.store.executeSql(change)).rejects.toThrow()
  }
})

test('a key ends when it should, and gives its purpose to another', async () => {
  const { context } = opened
  const { key } = await addOrganization(context)
  const { clock } = context
  const expiresAt = clock.now + 10_000
  const body = { name: 'short', scopes: ['read'], expiresAt, requestsPerMinute: 100 }
  const made = (await call('POST', '/v1/keys', key, body)).body
  const old = { authorization: `Bearer ${made.apiKey}` }
  const path = `/v1/keys/${made.prefix}/rotate`
  const rotated = (await call('POST', path, key, { overlapMs: 5_000 })).body
  expect(rotated.oldUntil).toBe(clock.now + 5_000)
  const fresh = { authorization: `Bearer ${rotated.apiKey}` }
  const status = async (headers: Headers) => (await call('GET', '/v1/balance', headers)).status
  expect([await status(old), await status(fresh)]).toEqual([200, 200])
  clock.now += 6_000
  expect([await status(old), await status(fresh)]).toEqual([401, 200])
  expect((await call('POST', path, key, {})).status).toBe(404)
  clock.now += 6_000
  expect(await status(fresh)).toBe(401)
  const { keys } = (await call('GET', '/v1/keys', key)).body
  // All are of one moment of this clock, and keys of one moment have no order that counts.
  const latest = keys.find(({ prefix }: { prefix: string }) => prefix === rotated.prefix)
  expect(latest).toMatchObject({ name: 'short', requestsPerMinute: 100 })
})

test('nobody takes over a key that may do more than they', async () => {
  const { context } = opened
  const { organization, key } = await addOrganization(context)
  const developer = await addMemberOf(context, organization, 'developer')
  const { prefix } = await addKeyOf(context, organization)
  const path = `/v1/keys/${prefix}/rotate`
  expect(code(await call('POST', path, developer.headers, {}))).toBe('HANSE_FORBIDDEN')
  const weak = await addKeyOf(context, organization, { scopes: ['keys', 'read'] })
  expect(code(await call('POST', path, weak.headers, {}))).toBe('HANSE_FORBIDDEN')
  expect((await call('POST', path, key, {})).status).toBe(200)
})

test('an organization has a thousand living keys, and sees them page by page', async () => {
  const { context } = opened
  const { organization, key } = await addOrganization(context)
  await context.store.executeSql(`insert into api_key (prefix, organization, hash, name, scopes, created_at)
    select 'hanse_' || lpad(to_hex(n), 12, '0'), '${organization}', sha256(n::text::bytea), 'k', '{read}', now()
    from generate_series(1, ${KEYS_MAX - 1}) n`)
  const body = { name: 'one more', scopes: ['read'] }
  expect(code(await call('POST', '/v1/keys', key, body))).toBe('HANSE_KEYS_LIMIT')
  const seen = new Set<string>()
  let after = ''
  for (let page = 0; page < 3; page++) {
    const answer = (await call('GET', `/v1/keys?limit=400${after}`, key)).body
    for (const { prefix } of answer.keys) seen.add(prefix)
    after = `&after=${answer.next}`
  }
  expect(seen.size).toBe(KEYS_MAX)
})

test('a key has its own limit, and is told what is left of it', async () => {
  const { context } = opened
  const { organization } = await addOrganization(context)
  const { headers } = await addKeyOf(context, organization, { requestsPerMinute: 2 })
  const first = await call('GET', '/v1/balance', headers)
  expect(first.headers).toMatchObject({ 'ratelimit-limit': '2', 'ratelimit-remaining': '1' })
  await call('GET', '/v1/balance', headers)
  const third = await call('GET', '/v1/balance', headers)
  expect(third).toMatchObject({ status: 429, headers: { 'ratelimit-remaining': '0' } })
  expect(Number(third.headers['retry-after'])).toBeGreaterThan(0)
  context.clock.now += 60_000
  expect((await call('GET', '/v1/balance', headers)).status).toBe(200)
})

test('operators who support look at most things, auditors at all, and neither changes any', async () => {
  const make = async (role: string) => {
    const made = await call('POST', '/v1/admin/operators', ROOT, { name: role, role })
    return { authorization: `Bearer ${made.body.token}` }
  }
  const [support, auditor] = [await make('support'), await make('platform-auditor')]
  const statuses = async (headers: Headers) => [
    (await call('GET', '/v1/admin/alerts', headers)).status,
    (await call('GET', '/v1/admin/adjustments', headers)).status,
    (await call('POST', '/v1/admin/organizations', headers, { name: 'x' })).status,
  ]
  expect(await statuses(support)).toEqual([200, 403, 403])
  expect(await statuses(auditor)).toEqual([200, 200, 403])
})

test('whoever guesses tokens of operators is slowed down like anybody else', async () => {
  await using limited = await openAccessApp({ requestsPerMinute: 5 })
  const guess = async (remoteAddress: string) =>
    (
      await limited.app.inject({
        url: '/v1/admin/alerts',
        headers: { authorization: 'Bearer hanse_op_000000000000_wrong' },
        remoteAddress,
      })
    ).statusCode
  const statuses = []
  for (let i = 0; i < 7; i++) statuses.push(await guess('10.0.0.1'))
  expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429])
  expect(await guess('10.0.0.2')).toBe(401)
})

const linkOf = (text: string | undefined): string => /#([\w-]{43})/u.exec(text ?? '')?.[1] ?? ''
