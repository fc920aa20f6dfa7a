import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type AccessApp, openAccessApp, ROOT } from '../access/testing/access-app.ts'
import { addPerson, signIn, type TestPerson } from '../access/testing/people.ts'
import { NOW } from '../testing/market.ts'

const HOUR_MS = 3_600_000
const WEBSITE = 'https://web.example'

let opened: AccessApp
let now = NOW
let made = 0

beforeAll(async () => {
  opened = await openAccessApp(
    { requestsPerMinute: 1_000_000 },
    { now: () => now, webOrigin: WEBSITE },
  )
}, 60_000)
afterAll(() => opened?.[Symbol.asyncDispose]())
beforeEach(() => {
  now = NOW
})

type Headers = Readonly<Record<string, string>>
async function send(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  headers: Headers,
  body?: object,
) {
  const answer = await opened.app.inject({
    method,
    url,
    headers: { 'idempotency-key': `k${made++}`, ...headers },
    ...(body !== undefined && { payload: body }),
  })
  return { status: answer.statusCode, headers: answer.headers, body: answer.json() }
}

async function addOperator(role = 'operator'): Promise<{ id: string; token: Headers }> {
  const { body } = await send('POST', '/v1/admin/operators', ROOT, { name: `o${made++}`, role })
  return { id: body.operator, token: { authorization: `Bearer ${body.token}` } }
}

/** Somebody with a password and an app, and a session that has shown both. */
async function addStrong(): Promise<TestPerson> {
  const person = await addPerson(opened.context, undefined, ['password', 'totp'])
  await opened.context.store.executeSql(
    'insert into person_totp (person, sealed, created_at, confirmed_at) values ($1, $2, $3::timestamptz, $3::timestamptz)',
    [person.id, new Uint8Array(40), new Date(NOW).toISOString()],
  )
  return person
}

const link = (operator: string, { email }: TestPerson, headers: Headers = ROOT) =>
  send('PUT', `/v1/admin/operators/${operator}/person`, headers, { email })

async function addLinked(role?: string) {
  const operator = await addOperator(role)
  const person = await addStrong()
  expect((await link(operator.id, person)).status).toBe(200)
  return { ...operator, person }
}

const whoAmI = (headers: Headers) => send('GET', '/v1/operator', headers)

test('a person who is linked acts as the operator, with the role of the operator', async () => {
  for (const [role, may] of [
    ['operator', ['look', 'look-at-money', 'act']],
    ['support', ['look']],
    ['platform-auditor', ['look', 'look-at-money']],
  ] as const) {
    const { id, token, person } = await addLinked(role)
    for (const headers of [person.headers, token]) {
      const { status, body, headers: told } = await whoAmI(headers)
      expect(status).toBe(200)
      expect(body).toEqual({ operator: id, name: expect.any(String), role, may })
      expect(told['cache-control']).toBe('no-store')
    }
    const payouts = await send('GET', '/v1/admin/payout-runs', person.headers)
    expect(payouts.status).toBe(role === 'support' ? 403 : 200)
    const written = await send('POST', '/v1/admin/payout-runs', person.headers)
    expect(written.status === 403).toBe(role !== 'operator')
  }
})

test('what they do is written down as what the operator did', async () => {
  const { id, person } = await addLinked()
  const hold = '/v1/admin/legal-holds'
  await send('POST', hold, person.headers, { scope: 'everything', subject: '', reason: 'a claim' })
  const { body } = await send('GET', `/v1/admin/operator-actions?operator=${id}`, person.headers)
  expect(body.actions).toMatchObject([{ operator: id, action: `POST ${hold}` }])
})

test('a person without a link is no operator, however well they have shown who they are', async () => {
  const person = await addStrong()
  expect(await whoAmI(person.headers)).toMatchObject({
    status: 403,
    body: { code: 'HANSE_FORBIDDEN' },
  })
  expect((await whoAmI({})).status).toBe(401)
})

test('a session without a second factor does not do, whatever the account has', async () => {
  const { person } = await addLinked()
  for (const factors of [['password'], ['sso'], ['password', 'sso']] as const) {
    const headers = await signIn(opened.context, person.id, factors)
    expect(await whoAmI(headers)).toMatchObject({
      status: 403,
      body: { code: 'HANSE_OPERATOR_FACTOR' },
    })
  }
  expect((await whoAmI(await signIn(opened.context, person.id, ['passkey']))).status).toBe(200)
})

test('whoever has only the password of an operator adds no second factor with it', async () => {
  const { person } = await addLinked()
  const weak = await signIn(opened.context, person.id, ['password'])
  const strong = await signIn(opened.context, person.id, ['passkey'])
  const changes = [
    ['POST', '/v1/account/totp'],
    ['DELETE', '/v1/account/totp'],
    ['POST', '/v1/account/recovery-codes'],
    ['POST', '/v1/account/passkeys/options'],
  ] as const
  for (const [method, url] of changes) {
    expect((await send(method, url, weak)).body, url).toMatchObject({
      code: 'HANSE_OPERATOR_FACTOR',
    })
    expect((await send(method, url, strong)).body.code, url).not.toBe('HANSE_OPERATOR_FACTOR')
  }
})

test('after twelve hours an operator shows again who they are', async () => {
  const { person } = await addLinked()
  now = NOW + 12 * HOUR_MS - 1
  // As a browser that was used meanwhile.
  await opened.context.store.executeSql(
    'update person_session set seen_at = $1::timestamptz where person = $2',
    [new Date(now).toISOString(), person.id],
  )
  expect((await whoAmI(person.headers)).status).toBe(200)
  now = NOW + 12 * HOUR_MS
  expect((await whoAmI(person.headers)).body).toMatchObject({ code: 'HANSE_SIGN_IN_AGAIN' })
})

test('who is revoked, unlinked or erased is out with the next request', async () => {
  const revoked = await addLinked()
  await send('DELETE', `/v1/admin/operators/${revoked.id}`, ROOT)
  expect((await whoAmI(revoked.person.headers)).status).toBe(403)
  expect((await whoAmI(revoked.token)).status).toBe(401)

  const unlinked = await addLinked()
  await send('DELETE', `/v1/admin/operators/${unlinked.id}/person`, ROOT)
  expect((await whoAmI(unlinked.person.headers)).status).toBe(403)
  expect((await whoAmI(unlinked.token)).status).toBe(200)
  expect((await link(unlinked.id, unlinked.person)).status).toBe(200)
  expect((await whoAmI(unlinked.person.headers)).status).toBe(200)

  const erased = await addLinked()
  await opened.context.store.erasePerson(erased.person.id, now)
  expect((await whoAmI(erased.person.headers)).status).toBe(401)
})

test('a page of somebody else changes nothing with an operator’s cookie', async () => {
  const { person } = await addLinked()
  const { cookie = '' } = person.headers
  const hold = { scope: 'everything', subject: '', reason: 'a claim' }
  const from = (headers: Headers) =>
    send('POST', '/v1/admin/legal-holds', { cookie, ...headers }, hold)
  for (const headers of [
    {},
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
  ]) {
    expect((await from(headers)).body).toMatchObject({ code: 'HANSE_ORIGIN' })
  }
  expect((await from({ origin: WEBSITE })).body.code).not.toBe('HANSE_ORIGIN')
  const read = await send('GET', '/v1/operator', { cookie, origin: 'https://evil.example' })
  expect(read.headers['access-control-allow-credentials']).toBeUndefined()
})

test('a wrong token is not helped by a good session', async () => {
  const { person } = await addLinked()
  const both = {
    ...person.headers,
    authorization: `Bearer hanse_op_${'0'.repeat(12)}_${'A'.repeat(43)}`,
  }
  expect((await whoAmI(both)).status).toBe(401)
})

test('one person is one operator for good, and an operator is one person', async () => {
  const first = await addLinked()
  const second = await addLinked()
  const third = await addOperator()
  const stranger = await addStrong()
  const taken = { status: 409, body: { code: 'HANSE_OPERATOR_LINKED' } }
  expect(await link(third.id, first.person)).toMatchObject(taken)
  expect(await link(first.id, stranger)).toMatchObject(taken)
  expect(await link(first.id, second.person)).toMatchObject(taken)
  // Also when the first is over: what was proposed as one could else be approved as another.
  await send('DELETE', `/v1/admin/operators/${first.id}`, ROOT)
  expect(await link(third.id, first.person)).toMatchObject(taken)
})

test('who has no second factor yet, no confirmed address or no account is not linked', async () => {
  const { id } = await addOperator()
  const weak = await addPerson(opened.context)
  expect((await link(id, weak)).body).toMatchObject({ code: 'HANSE_OPERATOR_FACTOR' })
  const nobody = { ...weak, email: 'nobody@example.org' }
  expect((await link(id, nobody)).status).toBe(404)
  expect((await link('op-none', await addStrong())).status).toBe(404)
})

test('only root links, and not by a session', async () => {
  const { person, token } = await addLinked()
  const other = await addOperator()
  const stranger = await addStrong()
  for (const headers of [person.headers, token]) {
    expect((await link(other.id, stranger, headers)).status).toBe(403)
    const path = `/v1/admin/operators/${other.id}/person`
    expect((await send('DELETE', path, headers)).status).toBe(403)
  }
})

test('signing in is no second operator: who proposed by token does not approve by session', async () => {
  const { token, person } = await addLinked()
  const other = await addLinked()
  const proposal = {
    debit: 'promotions/platform',
    credit: 'revenue/platform',
    amount: '5',
    reason: 'r',
  }
  const { body } = await send('POST', '/v1/admin/adjustments', token, proposal)
  const approve = `/v1/admin/adjustments/${body.id}/approve`
  expect((await send('POST', approve, person.headers, {})).body).toMatchObject({
    code: 'HANSE_TWO_OPERATORS',
  })
  expect((await send('POST', approve, other.person.headers, {})).status).toBe(200)
})

test('who tries tokens has to wait, and who comes with a good one from there does not', async () => {
  const { token } = await addOperator()
  const wrong = { authorization: `Bearer hanse_op_${'0'.repeat(12)}_${'A'.repeat(43)}` }
  const asking = (headers: Headers, remoteAddress: string) =>
    opened.app.inject({ method: 'GET', url: '/v1/operator', headers, remoteAddress })
  const statuses: number[] = []
  for (let tries = 0; tries < 21; tries++) {
    statuses.push((await asking(wrong, '203.0.113.7')).statusCode)
  }
  expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), 429])
  const waiting = await asking(wrong, '203.0.113.7')
  expect(waiting.json()).toMatchObject({ code: 'HANSE_SIGN_IN_LIMITED' })
  expect(Number(waiting.headers['retry-after'])).toBeGreaterThan(0)
  for (const right of [token, ROOT]) {
    expect((await asking(right, '203.0.113.7')).statusCode).toBe(200)
  }
  expect((await asking(wrong, '203.0.113.8')).statusCode).toBe(401)
  now += HOUR_MS
  expect((await asking(wrong, '203.0.113.7')).statusCode).toBe(401)
})
