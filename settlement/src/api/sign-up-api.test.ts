import { signRequest } from '@hanse/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  Browser,
  openPeopleApp,
  PASSWORD,
  type PeopleApp,
  signedUp,
} from '../people/testing/people-app.ts'
import { newSigner } from '../testing/deals.ts'
import { addProvider } from '../testing/market.ts'

let people: PeopleApp
beforeAll(async () => {
  people = await openPeopleApp()
}, 180_000)
afterAll(() => people[Symbol.asyncDispose]())

const signUp = (browser: Browser, email: string, password = PASSWORD) =>
  browser.post('/v1/sign-up', { email, password })

test('from nothing to an authorization takes five requests, and the books explain the credit', async () => {
  const { app, context, mailbox } = people
  const browser = new Browser(app)
  // 1: the form; 2: the link.
  expect((await signUp(browser, 'Ada@Example.org')).json()).toEqual({ status: 'accepted' })
  const token = await mailbox.token('ada@example.org')
  const verified = await browser.post('/v1/verify-email', { token, password: PASSWORD })
  expect(verified.json()).toMatchObject({ factors: ['password'] })
  // 3: an organization with its key.
  const founded = await browser.post('/v1/organizations', {
    name: 'Engine GmbH',
    lawfulBasis: 'contract',
  })
  const { organization, apiKey, trialCredit } = founded.json()
  expect(trialCredit).toBe('1000000000000')
  // What the owner sees in the browser is the same organization.
  expect((await browser.get('/v1/balance')).json()).toMatchObject({ organization })
  // 4: the node that spends; 5: the promise to a provider.
  const consumer = newSigner()
  const url = '/v1/consumers'
  const body = Buffer.from(JSON.stringify({ organization }))
  const signed = signRequest(consumer, {
    method: 'POST',
    url,
    body,
    network: context.network,
    settlement: context.signer.peerId,
    at: context.now(),
  })
  const key = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' }
  const bound = await app.inject({
    method: 'POST',
    url,
    payload: body,
    headers: { ...key, ...signed },
  })
  expect(bound.json()).toEqual({ organization, consumer: consumer.peerId })
  const provider = await addProvider(context)
  const authorized = await app.inject({
    method: 'POST',
    url: '/v1/authorizations',
    headers: { ...key, 'idempotency-key': 'first' },
    payload: { consumer: consumer.peerId, provider: provider.peerId, amount: '1000000000' },
  })
  expect(authorized.json()).toMatchObject({ authorization: { bytes: expect.any(String) } })
  const balance = await app.inject({ url: '/v1/balance', headers: key })
  expect(balance.json()).toMatchObject({
    organization,
    available: '999000000000',
    held: '1000000000',
  })
  const report = await context.store.ledgerCheck()
  expect(report.differences).toEqual([])
})

test('a node is bound to the organization that it signed for, and to no other', async () => {
  const { app, context } = people
  const browser = await signedUp(people, 'nodes@example.net')
  const { organization, apiKey } = (await browser.post('/v1/organizations', { name: 'A' })).json()
  const url = '/v1/consumers'
  const bind = (named: string, signer = newSigner(), changes: Record<string, string> = {}) => {
    const payload = Buffer.from(JSON.stringify({ organization: named }))
    const signed = signRequest(signer, {
      method: 'POST',
      url,
      body: payload,
      network: context.network,
      settlement: context.signer.peerId,
      at: context.now(),
    })
    const headers = {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      ...signed,
      ...changes,
    }
    return app.inject({ method: 'POST', url, payload, headers })
  }
  expect((await bind('org_other')).json()).toMatchObject({ code: 'HANSE_FORBIDDEN' })
  expect((await bind(organization, undefined, { signature: 'hanse=:AA==:' })).statusCode).toBe(401)
  expect((await bind(organization, undefined, { authorization: 'Bearer none' })).statusCode).toBe(
    401,
  )
  const node = newSigner()
  expect((await bind(organization, node)).statusCode).toBe(200)
  expect((await bind(organization, node)).statusCode).toBe(200)
})

test('a trial is had once a person, once a mailbox, and three times a domain', async () => {
  const found = async (browser: Browser) =>
    (await browser.post('/v1/organizations', { name: 'Trial' })).json().trialCredit
  const first = await signedUp(people, 'one@firm.example', '203.0.113.10')
  expect(await found(first)).toBe('1000000000000')
  expect(await found(first)).toBe('0')
  const alias = await signedUp(people, 'one+more@firm.example', '203.0.113.10')
  expect(await found(alias)).toBe('0')
  for (const [name, credit] of [
    ['two', '1000000000000'],
    ['three', '1000000000000'],
    ['four', '0'],
  ]) {
    const browser = await signedUp(people, `${name}@firm.example`, '203.0.113.10')
    expect(await found(browser)).toBe(credit)
  }
  expect((await people.context.store.ledgerCheck()).differences).toEqual([])
})

test('whether an address is known cannot be told from any answer', async () => {
  const { app, mailbox } = people
  await signedUp(people, 'known@example.com', '203.0.113.20')
  const browser = new Browser(app, '203.0.113.21')
  const both = async (ask: (email: string) => Promise<{ statusCode: number; body: string }>) => {
    const answers = []
    for (const email of ['known@example.com', 'unknown@example.com']) {
      const { statusCode, body } = await ask(email)
      answers.push({ statusCode, body })
    }
    expect(answers[0]).toEqual(answers[1])
    return answers[0]
  }
  const mistaken = { password: 'not the password at all' }
  await both((email) => browser.post('/v1/sign-in', { email, ...mistaken }))
  await both((email) => browser.post('/v1/password-reset', { email }))
  expect((await mailbox.next('known@example.com')).subject).toBe('Choose a new password')
  await both((email) => browser.post('/v1/sign-up', { email, ...mistaken }))
  expect((await mailbox.next('known@example.com')).subject).toBe('You have an account already')
  await mailbox.next('unknown@example.com')
  // Not even by signing in with the password that was just chosen: the address is not confirmed.
  const refused = await both((email) => browser.post('/v1/sign-in', { email, ...mistaken }))
  expect(refused?.statusCode).toBe(401)
  // And the account is as it was.
  const own = await browser.post('/v1/sign-in', { email: 'known@example.com', password: PASSWORD })
  expect(own.statusCode).toBe(200)
})

test('who signs up with the address of somebody else leaves no password behind', async () => {
  const { app, mailbox } = people
  const [stranger, owner] = [new Browser(app, '203.0.113.30'), new Browser(app, '203.0.113.31')]
  const email = 'victim@example.com'
  await signUp(stranger, email, 'what the stranger chose')
  const first = await mailbox.token(email)
  await signUp(owner, email)
  const second = await mailbox.token(email)
  const verify = (token: string, password: string) =>
    owner.post('/v1/verify-email', { token, password })
  expect((await verify(first, PASSWORD)).json()).toMatchObject({ code: 'HANSE_LINK_INVALID' })
  expect((await verify(second, 'what the stranger chose')).statusCode).toBe(401)
  expect((await verify(second, PASSWORD)).statusCode).toBe(200)
  const attempt = { email, password: 'what the stranger chose' }
  expect((await stranger.post('/v1/sign-in', attempt)).statusCode).toBe(401)
})

test('a link works once, and only in its time', async () => {
  const { app, context, mailbox } = people
  const browser = new Browser(app, '203.0.113.40')
  await signUp(browser, 'late@example.com')
  const late = await mailbox.token('late@example.com')
  context.clock.now += 24 * 3_600_000
  const verify = (token: string) => browser.post('/v1/verify-email', { token, password: PASSWORD })
  expect((await verify(late)).json()).toMatchObject({ code: 'HANSE_LINK_INVALID' })
  await signUp(browser, 'late@example.com')
  const token = await mailbox.token('late@example.com')
  expect((await verify(token)).statusCode).toBe(200)
  expect((await verify(token)).json()).toMatchObject({ code: 'HANSE_LINK_INVALID' })
})

test('a forgotten password is replaced once by a link, and all sessions end', async () => {
  const { app, mailbox } = people
  const email = 'forgetful@example.com'
  const old = await signedUp(people, email, '203.0.113.50')
  await old.post('/v1/password-reset', { email })
  const token = await mailbox.token(email)
  const fresh = new Browser(app, '203.0.113.50')
  const confirm = (password: string) =>
    fresh.post('/v1/password-reset/confirm', { token, password })
  expect((await confirm('short')).json()).toMatchObject({ code: 'HANSE_PASSWORD_WEAK' })
  expect((await confirm('another lamp by the river')).json()).toEqual({ status: 'done' })
  expect((await confirm('and a third one, by the sea')).statusCode).toBe(400)
  expect((await old.get('/v1/account')).statusCode).toBe(401)
  const signIn = (password: string) => fresh.post('/v1/sign-in', { email, password })
  expect((await signIn(PASSWORD)).statusCode).toBe(401)
  expect((await signIn('another lamp by the river')).statusCode).toBe(200)
})

test('one mailbox gets four mails, whoever asks for more', async () => {
  const { app, mailbox } = people
  const email = 'flooded@example.com'
  for (let i = 0; i < 6; i++) await signUp(new Browser(app, `203.0.113.${60 + i}`), email)
  for (let i = 0; i < 4; i++) await mailbox.next(email)
  await signUp(new Browser(app, '203.0.113.70'), 'after@example.com')
  await mailbox.next('after@example.com')
  expect(mailbox.mails.filter(({ to }) => to === email)).toEqual([])
})

test('a password is long, and not one that everybody knows', async () => {
  const browser = new Browser(people.app, '203.0.113.80')
  for (const password of ['elevenchars', 'Password-1234', 'abcabcabcabcabc', 'x'.repeat(129)]) {
    const answer = await signUp(browser, 'weak@example.com', password)
    expect(answer.json()).toMatchObject({ code: 'HANSE_PASSWORD_WEAK' })
  }
  const own = await signUp(browser, 'a.long.address@example.com', 'A.Long.Address@example.com')
  expect(own.json()).toMatchObject({ code: 'HANSE_PASSWORD_WEAK' })
})
