import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openIngest } from '../ingest/ingest-service.ts'
import { hashToken, IDLE_MS } from '../people/session-token.ts'
import {
  Browser,
  openPeopleApp,
  PASSWORD,
  type PeopleApp,
  signedUp,
} from '../people/testing/people-app.ts'
import { createApp } from './app.ts'

const COOKIE = 'hanse_session'
const WEB = 'https://www.hanse.test'

let people: PeopleApp
beforeAll(async () => {
  people = await openPeopleApp({ webOrigin: WEB })
}, 180_000)
afterAll(() => people[Symbol.asyncDispose]())

const signIn = (browser: Browser, email: string, password = PASSWORD) =>
  browser.post('/v1/sign-in', { email, password })

/** The same cookies, sent by something else. */
function holding(browser: Browser, origin: Record<string, string>): Browser {
  const other = new Browser(people.app, '203.0.113.99', origin)
  for (const [name, value] of browser.cookies) other.cookies.set(name, value)
  return other
}

test('the cookie is for this service only, and of the token only a hash is stored', async () => {
  const { app, context } = people
  const browser = await signedUp(people, 'cookie@example.org')
  const { cookies } = await signIn(browser, 'cookie@example.org')
  expect(cookies).toMatchObject([
    {
      name: COOKIE,
      path: '/',
      httpOnly: true,
      sameSite: 'Lax',
      value: expect.stringMatching(/^[\w-]{43}$/u),
    },
  ])
  expect(cookies[0]).not.toHaveProperty('domain')
  const { rows } = await context.store.executeSql('select hash from person_session')
  const stored = (rows as { hash: Uint8Array }[]).map(({ hash }) => Buffer.from(hash))
  const token = cookies[0]?.value ?? ''
  expect(stored.some((hash) => hash.equals(hashToken(token)))).toBe(true)
  // Whoever reads the database has nothing to send.
  for (const hash of stored) {
    const thief = new Browser(app)
    for (const form of ['base64url', 'hex'] as const) {
      thief.cookies.set(COOKIE, hash.toString(form))
      expect((await thief.get('/v1/account')).statusCode).toBe(401)
    }
  }
})

test('on https the cookie is bound to the host and to https', async () => {
  const { context } = people
  await signedUp(people, 'https@example.org')
  const secure = { ...context, publicUrl: () => 'https://settlement.test' }
  await using ingest = openIngest({ context: secure, verifyThreads: 0 })
  const app = await createApp(secure, { operatorToken: 'operator', ingest })
  const browser = new Browser(app)
  const { cookies } = await signIn(browser, 'https@example.org')
  expect(cookies).toMatchObject([
    { name: '__Host-hanse_session', secure: true, path: '/', httpOnly: true, sameSite: 'Lax' },
  ])
  expect((await browser.get('/v1/account')).statusCode).toBe(200)
  await app.close()
})

test('a page of somebody else changes nothing with the cookie', async () => {
  const browser = await signedUp(people, 'csrf@example.org')
  const foreign = [
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' },
    { 'sec-fetch-site': 'same-site', origin: 'http://other.settlement.test' },
    { origin: 'https://evil.test' },
    { origin: 'null' },
    {},
  ]
  for (const origin of foreign) {
    const page = holding(browser, origin)
    for (const [url, body] of [
      ['/v1/organizations', { name: 'Stolen' }],
      ['/v1/account/password', { current: PASSWORD, password: 'what the page has chosen' }],
      ['/v1/sign-out', {}],
    ] as const) {
      expect((await page.post(url, body)).json()).toMatchObject({ code: 'HANSE_ORIGIN' })
    }
  }
  // Nor does it sign anybody in as somebody whom they do not expect.
  const page = new Browser(people.app, '203.0.113.98', foreign[0])
  expect((await signIn(page, 'csrf@example.org')).json()).toMatchObject({ code: 'HANSE_ORIGIN' })
  expect((await browser.get('/v1/account')).statusCode).toBe(200)
  for (const origin of [
    { 'sec-fetch-site': 'none' },
    { origin: 'http://settlement.test' },
    { 'sec-fetch-site': 'same-site', origin: WEB },
  ]) {
    const own = await holding(browser, origin).send('PATCH', '/v1/account', { name: 'Ada' })
    expect(own.statusCode).toBe(200)
  }
})

test('only the website that the operator named may read answers with a cookie', async () => {
  const browser = await signedUp(people, 'cors@example.org')
  const headersFor = async (origin: string) =>
    (await holding(browser, { origin }).get('/v1/account')).headers
  expect(await headersFor(WEB)).toMatchObject({
    'access-control-allow-origin': WEB,
    'access-control-allow-credentials': 'true',
  })
  const evil = await headersFor('https://evil.test')
  expect(evil['access-control-allow-origin']).toBe('*')
  expect(evil).not.toHaveProperty('access-control-allow-credentials')
})

test('a token that somebody put into the browser is worth nothing after the sign-in', async () => {
  const { app } = people
  const stranger = await signedUp(people, 'stranger@example.org')
  const fixed = stranger.cookies.get(COOKIE) ?? ''
  await signedUp(people, 'fixed@example.org')
  const victim = new Browser(app)
  victim.cookies.set(COOKIE, fixed)
  await signIn(victim, 'fixed@example.org')
  expect(victim.cookies.get(COOKIE)).not.toBe(fixed)
  expect((await stranger.get('/v1/account')).statusCode).toBe(401)
  // A made-up token does not become a session either.
  const made = randomBytes(32).toString('base64url')
  victim.cookies.set(COOKIE, made)
  await signIn(victim, 'fixed@example.org')
  const other = new Browser(app)
  other.cookies.set(COOKIE, made)
  expect((await other.get('/v1/account')).statusCode).toBe(401)
})

test('a session ends after half a day without use, and after thirty days with it', async () => {
  const { context } = people
  const browser = await signedUp(people, 'times@example.org')
  const status = async () => (await browser.get('/v1/account')).statusCode
  context.clock.now += IDLE_MS - 1
  expect(await status()).toBe(200)
  context.clock.now += IDLE_MS
  expect(await status()).toBe(401)
  await signIn(browser, 'times@example.org')
  const begun = context.clock.now
  while (context.clock.now + IDLE_MS / 2 < begun + 30 * 86_400_000) {
    context.clock.now += IDLE_MS / 2
    expect(await status()).toBe(200)
  }
  context.clock.now += IDLE_MS / 2
  expect(await status()).toBe(401)
})

test('a person sees their sessions and ends them, and nobody else does', async () => {
  const { app } = people
  const email = 'sessions@example.org'
  const first = await signedUp(people, email)
  const second = new Browser(app)
  people.context.clock.now += 1
  const { session } = (await signIn(second, email)).json()
  const other = await signedUp(people, 'other@example.org')
  const { sessions } = (await first.get('/v1/account/sessions')).json()
  expect(sessions).toMatchObject([
    { id: session, isThis: false },
    { isThis: true, factors: ['password'] },
  ])
  expect((await other.delete(`/v1/account/sessions/${session}`)).statusCode).toBe(404)
  expect((await second.get('/v1/account')).statusCode).toBe(200)
  expect((await first.delete(`/v1/account/sessions/${session}`)).statusCode).toBe(200)
  expect((await second.get('/v1/account')).statusCode).toBe(401)
  await signIn(second, email)
  expect((await second.delete('/v1/account/sessions')).json()).toEqual({ ended: 1 })
  expect((await first.get('/v1/account')).statusCode).toBe(401)
  const token = second.cookies.get(COOKIE) ?? ''
  expect((await second.post('/v1/sign-out')).statusCode).toBe(200)
  expect(second.cookies.size).toBe(0)
  second.cookies.set(COOKIE, token)
  expect((await second.get('/v1/account')).statusCode).toBe(401)
})

test('a changed password ends the other sessions, and the token changes', async () => {
  const { app, mailbox } = people
  const email = 'change@example.org'
  const browser = await signedUp(people, email)
  const elsewhere = new Browser(app)
  await signIn(elsewhere, email)
  const before = browser.cookies.get(COOKIE)
  const change = (current: string) =>
    browser.post('/v1/account/password', { current, password: 'a boat upon the canal' })
  expect((await change('not the password')).json()).toMatchObject({ code: 'HANSE_SIGN_IN_REFUSED' })
  expect((await change(PASSWORD)).statusCode).toBe(200)
  expect((await mailbox.next(email)).subject).toBe('Your account has changed')
  expect(browser.cookies.get(COOKIE)).not.toBe(before)
  expect((await browser.get('/v1/account')).statusCode).toBe(200)
  expect((await elsewhere.get('/v1/account')).statusCode).toBe(401)
  expect((await signIn(elsewhere, email)).statusCode).toBe(401)
  expect((await signIn(elsewhere, email, 'a boat upon the canal')).statusCode).toBe(200)
})

test('guesses wait longer and longer, for all processes and in the same words for every address', async () => {
  const { app, context } = people
  await signedUp(people, 'guessed@example.org', '203.0.113.200')
  for (const email of ['guessed@example.org', 'nobody@example.org']) {
    const guesser = new Browser(app, '2001:db8::1')
    const waits: number[] = []
    for (let i = 0; i < 9; i++) {
      const answer = await signIn(guesser, email, 'a guess')
      if (answer.statusCode === 429) {
        const wait = Number(answer.headers['retry-after'])
        waits.push(wait)
        context.clock.now += wait * 1000
      } else expect(answer.statusCode).toBe(401)
    }
    expect(waits).toEqual([1, 2])
    // From elsewhere the account waits as well, but the right password is let in at last.
    const owner = new Browser(app, '198.51.100.1')
    expect((await signIn(owner, email)).statusCode).toBe(429)
    context.clock.now += 15 * 60_000
    const isOwner = email === 'guessed@example.org'
    expect((await signIn(owner, email)).statusCode).toBe(isOwner ? 200 : 401)
  }
})

test('what people do with their accounts is written down', async () => {
  const { app, context } = people
  const browser = await signedUp(people, 'logged@example.org')
  const { person } = (await browser.get('/v1/account')).json()
  await signIn(new Browser(app), 'logged@example.org', 'not the password')
  await browser.post('/v1/sign-out')
  const written = async () => {
    const entries = await context.store.accessEntries({
      organization: null,
      actor: `person:${person}`,
      limit: 10,
    })
    return entries.map(({ action, outcome, address }) => ({ action, outcome, address }))
  }
  // It is written after the answer.
  await expect.poll(async () => (await written()).length, { timeout: 10_000 }).toBe(3)
  const address = '203.0.113.7'
  expect((await written()).sort((a, b) => (a.action < b.action ? -1 : 1))).toEqual([
    { action: 'sign-in', outcome: 'refused', address },
    { action: 'sign-out', outcome: 'ok', address },
    { action: 'verify-email', outcome: 'ok', address },
  ])
})
