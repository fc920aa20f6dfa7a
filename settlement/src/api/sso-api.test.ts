import { afterAll, beforeAll, expect, test } from 'vitest'
import { callbackUrl } from '../access/sso.ts'
import { openSecret } from '../access/sso-secret.ts'
import { type AccessApp, openAccessApp } from '../access/testing/access-app.ts'
import { openIssuerForTest, type TestIssuer } from '../access/testing/issuer.ts'
import {
  addMemberOf,
  addOrganization,
  addPerson,
  join,
  signIn,
  type TestPerson,
} from '../access/testing/people.ts'

const URL_OF_SERVICE = 'http://127.0.0.1:9'
const SECRET = 'a-client-secret-of-thirty-two-chars'

interface Corp {
  readonly organization: string
  readonly owner: TestPerson
  readonly domain: string
  readonly issuer: TestIssuer
}

const records = new Map<string, string>()
let opened: AccessApp
let corp: Corp
let evil: Corp
const stack = new AsyncDisposableStack()
beforeAll(async () => {
  opened = stack.use(
    await openAccessApp(
      {},
      {
        publicUrl: () => URL_OF_SERVICE,
        resolveTxt: async (name) => [['v=spf1'], [records.get(name) ?? '']],
      },
    ),
  )
  corp = await openCorp('corp.example', {
    ann: { email: 'Ann@corp.example' },
    bob: { email: 'bob@corp.example' },
    guest: { email: 'guest@evil.example' },
    unsure: { email: 'unsure@corp.example', email_verified: false },
    boss: { email: 'boss@corp.example' },
    again: { email: 'ann@corp.example' },
  })
  evil = await openCorp('evil.example', {
    mallory: { email: 'mallory@evil.example' },
    ann: { email: 'ann@corp.example' },
  })
}, 120_000)
afterAll(() => stack.disposeAsync())

async function openCorp(
  domain: string,
  accounts: Record<string, { email: string; email_verified?: boolean }>,
): Promise<Corp> {
  const { context } = opened
  const { organization } = await addOrganization(context, domain)
  const owner = await addMemberOf(context, organization, 'owner', `owner@${domain}`, ['passkey'])
  const issuer = stack.use(
    await openIssuerForTest(accounts, [
      { id: 'hanse', secret: SECRET, redirectUris: [callbackUrl(context, organization)] },
      { id: 'other', secret: SECRET, redirectUris: [callbackUrl(context, organization)] },
    ]),
  )
  const headers = ownerHeaders(owner)
  const put = await call('PUT', '/v1/sso', headers, {
    issuer: issuer.url,
    clientId: 'hanse',
    clientSecret: SECRET,
  })
  expect(put.status).toBe(200)
  const { body } = await call('POST', '/v1/sso/domains', headers, { domain })
  const verify = () => call('POST', `/v1/sso/domains/${domain}/verify`, headers)
  expect((await verify()).body.code).toBe('HANSE_DOMAIN_UNPROVEN')
  records.set(body.record.name, body.record.value)
  expect((await verify()).status).toBe(200)
  return { organization, owner, domain, issuer }
}

const ownerHeaders = ({ headers }: TestPerson) => ({ ...headers, origin: URL_OF_SERVICE })

async function call(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  headers: Readonly<Record<string, string>>,
  payload?: object,
) {
  const answer = await opened.app.inject({
    method,
    url,
    headers: { ...headers },
    ...(payload !== undefined && { payload }),
  })
  const isJson = answer.headers['content-type']?.toString().includes('json') === true
  const cookies = Object.fromEntries(answer.cookies.map(({ name, value }) => [name, value]))
  return { status: answer.statusCode, body: isJson ? answer.json() : undefined, cookies }
}

/** What a browser has after it was told where to go. */
async function begin(email = 'someone@corp.example') {
  const { body, cookies } = await call('POST', '/v1/sso/sign-in', {}, { email })
  return { url: String(body.url), cookie: `hanse_sso=${cookies.hanse_sso}` }
}

const back = (url: URL, cookie: string) => call('GET', url.pathname + url.search, { cookie })

async function signInAs(subject: string, { issuer, domain }: Corp = corp) {
  const { url, cookie } = await begin(`x@${domain}`)
  const answer = await back(await issuer.visit(url, subject), cookie)
  const headers = {
    cookie: `hanse_session=${answer.cookies.hanse_session}`,
    origin: URL_OF_SERVICE,
  }
  return { ...answer, headers }
}
const FAILED = { status: 401, body: { code: 'HANSE_SSO_FAILED' } }

test('who the issuer vouches for becomes a member, and the same one the next time', async () => {
  const first = await signInAs('ann')
  expect(first.status).toBe(303)
  const { body } = await call('GET', '/v1/organizations', first.headers)
  expect(body.organizations).toMatchObject([
    { organization: corp.organization, role: 'developer', needsSso: false },
  ])
  await signInAs('ann')
  const members = (await call('GET', '/v1/members', ownerHeaders(corp.owner))).body.members
  expect(members.map(({ email }: { email: string }) => email)).toEqual([
    'ann@corp.example',
    'owner@corp.example',
  ])
  const log = (await call('GET', '/v1/access-log', ownerHeaders(corp.owner))).body.entries
  expect(log.filter(({ action }: { action: string }) => action.startsWith('sign-in'))).toHaveLength(
    2,
  )
  const out = await call('POST', '/v1/sso/sign-out', first.headers)
  expect(out.body.url).toContain(`${corp.issuer.url}/session/end`)
  expect((await call('GET', '/v1/organizations', first.headers)).status).toBe(401)
})

test('the client’s secret is not in the database, and is in no answer', async () => {
  const { context } = opened
  const stored = await context.store.ssoConnection(corp.organization)
  expect(Buffer.from(stored?.secretSealed ?? []).includes(SECRET)).toBe(false)
  expect(
    openSecret(context.signer, corp.organization, stored?.secretSealed ?? new Uint8Array()),
  ).toBe(SECRET)
  const shown = await call('GET', '/v1/sso', ownerHeaders(corp.owner))
  expect(shown.body).toMatchObject({ connection: { issuer: corp.issuer.url, clientId: 'hanse' } })
  expect(JSON.stringify(shown.body)).not.toContain(SECRET)
})

test('an answer works once, in the browser that asked, and not later than it should', async () => {
  const { url, cookie } = await begin()
  const answer = await corp.issuer.visit(url, 'ann')
  expect((await back(answer, cookie)).status).toBe(303)
  expect(await back(answer, cookie)).toMatchObject(FAILED)

  const other = await begin()
  const stolen = await corp.issuer.visit((await begin()).url, 'ann')
  expect(await back(stolen, other.cookie)).toMatchObject(FAILED)
  expect(await back(stolen, '')).toMatchObject(FAILED)

  const late = await begin()
  const lateAnswer = await corp.issuer.visit(late.url, 'ann')
  opened.context.clock.now += 11 * 60_000
  expect(await back(lateAnswer, late.cookie)).toMatchObject(FAILED)
})

test('a code of another sign-in, another client or another nonce is refused', async () => {
  const [mine, theirs] = [await begin(), await begin()]
  const code = (await corp.issuer.visit(theirs.url, 'bob')).searchParams.get('code') ?? ''
  // The verifier is of this sign-in: somebody else's code, injected, is not.
  const injected = await corp.issuer.visit(mine.url, 'ann')
  injected.searchParams.set('code', code)
  expect(await back(injected, mine.cookie)).toMatchObject(FAILED)

  const { url, cookie } = await begin()
  const asOther = new URL(url)
  asOther.searchParams.set('client_id', 'other')
  expect(await back(await corp.issuer.visit(asOther.href, 'ann'), cookie)).toMatchObject(FAILED)

  const again = await begin()
  const renonced = new URL(again.url)
  renonced.searchParams.set('nonce', 'of-the-attacker')
  expect(await back(await corp.issuer.visit(renonced.href, 'ann'), again.cookie)).toMatchObject(
    FAILED,
  )
})

test('an issuer speaks for nobody outside of its domains, and not for who it is unsure of', async () => {
  expect(await signInAs('guest')).toMatchObject(FAILED)
  expect(await signInAs('unsure')).toMatchObject(FAILED)
  const refused = await call('GET', '/v1/access-log?outcome=refused', ownerHeaders(corp.owner))
  expect(refused.body.entries.slice(0, 2)).toMatchObject([
    { action: 'sign-in sso', actor: 'sso', address: '127.0.0.1' },
    { action: 'sign-in sso', actor: 'sso' },
  ])
  // Another organization's issuer says that it knows Ann, and she stays who she is.
  expect(await signInAs('ann', evil)).toMatchObject(FAILED)
  const members = (await call('GET', '/v1/members', ownerHeaders(evil.owner))).body.members
  expect(members).toHaveLength(1)
})

test('an answer of one issuer is not taken for that of another', async () => {
  const honest = await begin()
  const crooked = await begin('x@evil.example')
  const answer = await evil.issuer.visit(crooked.url, 'mallory')
  // Mallory's code, sent where the honest issuer's answers go, with the honest state.
  const mixed = new URL(callbackUrl(opened.context, corp.organization))
  mixed.search = answer.search
  expect(await back(mixed, crooked.cookie)).toMatchObject(FAILED)
  mixed.searchParams.set('state', new URL(honest.url).searchParams.get('state') ?? '')
  expect(await back(mixed, honest.cookie)).toMatchObject(FAILED)
  const second = await begin()
  const right = await corp.issuer.visit(second.url, 'ann')
  right.searchParams.set('iss', evil.issuer.url)
  expect(await back(right, second.cookie)).toMatchObject(FAILED)
})

test('an address that went to another person gives nobody the account of before', async () => {
  expect((await signInAs('ann')).status).toBe(303)
  expect(await signInAs('again')).toMatchObject(FAILED)
})

test('a session of one organization’s issuer reaches no other organization', async () => {
  const { context } = opened
  const { headers } = await signInAs('bob')
  const { rows } = await context.store.executeSql(
    "select id from person where email = 'bob@corp.example'",
  )
  const { id } = rows[0] as { id: string }
  await join(context, evil.organization, id, 'owner')
  const naming = { ...headers, 'hanse-organization': evil.organization }
  expect((await call('GET', '/v1/balance', naming)).status).toBe(404)
  expect((await call('GET', '/v1/balance', headers)).body.organization).toBe(corp.organization)
})

test('where the issuer is a must, members come through it, and owners also with a passkey', async () => {
  const { context } = opened
  const headers = { ...(await signIn(context, corp.owner.id, ['passkey'])), origin: URL_OF_SERVICE }
  const settings = { issuer: corp.issuer.url, clientId: 'hanse', clientSecret: SECRET }
  const put = await call('PUT', '/v1/sso', headers, { ...settings, enforced: true })
  expect(put.status).toBe(200)
  const member = await addMemberOf(context, corp.organization, 'admin', 'carl@corp.example', [
    'passkey',
  ])
  const outsider = await addMemberOf(context, corp.organization, 'auditor', 'audit@firm.example')
  const balance = async (with_: Record<string, string>) => call('GET', '/v1/balance', with_)
  expect((await balance({ ...member.headers })).body.code).toBe('HANSE_SSO_REQUIRED')
  expect((await balance({ ...outsider.headers })).status).toBe(200)
  expect((await balance(headers)).status).toBe(200)
  const weak = await signIn(context, corp.owner.id, ['password'])
  expect((await balance(weak)).body.code).toBe('HANSE_SSO_REQUIRED')
  expect((await signInAs('ann')).status).toBe(303)
})

test('whom the organization has let go does not come back through its issuer', async () => {
  const { context } = opened
  const ann = (await call('GET', '/v1/members', await fresh())).body.members[0]
  expect(ann.email).toBe('ann@corp.example')
  expect((await call('DELETE', `/v1/members/${ann.person}`, await fresh())).status).toBe(200)
  expect(await signInAs('ann')).toMatchObject(FAILED)
  await context.store.executeSql('delete from sso_sign_in')

  async function fresh() {
    return { ...(await signIn(context, corp.owner.id, ['passkey'])), origin: URL_OF_SERVICE }
  }
})

test('only an owner who has just signed in decides on the issuer, which is no machine of ours', async () => {
  const { context } = opened
  const { organization } = await addOrganization(context)
  const admin = await addMemberOf(context, organization, 'admin')
  const owner = await addMemberOf(context, organization, 'owner')
  const body = { issuer: corp.issuer.url, clientId: 'c', clientSecret: 's' }
  const put = (person: TestPerson, issuer = body.issuer) =>
    call('PUT', '/v1/sso', ownerHeaders(person), { ...body, issuer })
  expect((await put(admin)).body.code).toBe('HANSE_FORBIDDEN')
  for (const issuer of [
    'http://corp.example',
    'file:///etc',
    'https://10.0.0.1',
    'https://[fd00::1]',
  ]) {
    expect((await put(owner, issuer)).status).toBeGreaterThanOrEqual(400)
  }
  context.clock.now += 11 * 60_000
  expect((await put(owner)).body.code).toBe('HANSE_SIGN_IN_AGAIN')
  expect((await addPerson(context)).id).toBeDefined()
})
