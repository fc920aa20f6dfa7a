import { Secret } from 'otpauth'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Asking, Authenticator } from '../people/testing/authenticator.ts'
import {
  Browser,
  openPeopleApp,
  PASSWORD,
  type PeopleApp,
  signedUp,
} from '../people/testing/people-app.ts'
import { totpCode } from '../people/totp.ts'

const MINUTE_MS = 60_000

let people: PeopleApp
beforeAll(async () => {
  people = await openPeopleApp()
}, 180_000)
afterAll(() => people[Symbol.asyncDispose]())

const signIn = (browser: Browser, email: string, more: object = {}) =>
  browser.post('/v1/sign-in', { email, password: PASSWORD, ...more })

/** Somebody with an authenticator app; the clock stands past the step in which it was confirmed. */
async function withTotp(email: string) {
  const { context } = people
  const browser = await signedUp(people, email)
  const { secret, uri } = (await browser.post('/v1/account/totp')).json()
  const bytes = new Uint8Array(Secret.fromBase32(secret).bytes)
  const code = () => totpCode(bytes, context.clock.now)
  const confirmed = await browser.post('/v1/account/totp/confirm', { code: code() })
  const { recoveryCodes } = confirmed.json() as { recoveryCodes: string[] }
  context.clock.now += MINUTE_MS
  return { browser, uri, bytes, code, recoveryCodes }
}

test('with an authenticator app a password alone signs nobody in, and a code does once', async () => {
  const { app, context } = people
  const { uri, code, bytes } = await withTotp('totp@example.org')
  expect(uri).toMatch(/^otpauth:\/\/totp\/Hanse:totp%40example\.org\?/u)
  const browser = new Browser(app)
  expect((await signIn(browser, 'totp@example.org')).json()).toMatchObject({
    code: 'HANSE_SECOND_FACTOR',
  })
  const used = code()
  const first = await signIn(browser, 'totp@example.org', { code: used })
  expect(first.json()).toMatchObject({ factors: ['password', 'totp'] })
  const replayed = await signIn(new Browser(app), 'totp@example.org', { code: used })
  expect(replayed.json()).toMatchObject({ code: 'HANSE_SIGN_IN_REFUSED' })
  // Nor one from before it, within the window.
  const earlier = totpCode(bytes, context.clock.now - 30_000)
  expect((await signIn(browser, 'totp@example.org', { code: earlier })).statusCode).toBe(401)
  context.clock.now += 30_000
  expect((await signIn(browser, 'totp@example.org', { code: code() })).statusCode).toBe(200)
})

test('of two sign-ins at once with one code, one is let in', async () => {
  const { app } = people
  const { code } = await withTotp('race@example.org')
  const both = await Promise.all(
    [1, 2].map(() => signIn(new Browser(app), 'race@example.org', { code: code() })),
  )
  expect(both.map(({ statusCode }) => statusCode).sort((a, b) => a - b)).toEqual([200, 401])
})

test('the secret of an app is not readable in the database', async () => {
  const { context } = people
  const { bytes } = await withTotp('sealed@example.org')
  const { rows } = await context.store.executeSql('select sealed from person_totp')
  for (const { sealed } of rows as { sealed: Uint8Array }[]) {
    expect(Buffer.from(sealed).includes(Buffer.from(bytes))).toBe(false)
  }
})

test('each recovery code works once, and a new set ends the old one', async () => {
  const { app } = people
  const { browser, recoveryCodes } = await withTotp('recovery@example.org')
  expect(new Set(recoveryCodes).size).toBe(10)
  const [first = '', second = ''] = recoveryCodes
  const elsewhere = new Browser(app)
  const use = (recoveryCode: string) => signIn(elsewhere, 'recovery@example.org', { recoveryCode })
  expect((await use(first.toUpperCase().replaceAll('-', ' '))).statusCode).toBe(200)
  expect((await use(first)).statusCode).toBe(401)
  expect((await browser.get('/v1/account')).json()).toMatchObject({ recoveryCodesLeft: 9 })
  const renewed = (await browser.post('/v1/account/recovery-codes')).json()
  expect((await use(second)).statusCode).toBe(401)
  expect((await use(renewed.recoveryCodes[0])).statusCode).toBe(200)
})

test('a new password by mail does not stand in for the app', async () => {
  const { app, mailbox } = people
  const email = 'mail-only@example.org'
  const { browser, code } = await withTotp(email)
  await mailbox.next(email)
  await browser.post('/v1/password-reset', { email })
  const token = await mailbox.token(email)
  const reader = new Browser(app)
  await reader.post('/v1/password-reset/confirm', {
    token,
    password: 'chosen by who reads the mail',
  })
  const sign = (more: object) =>
    reader.post('/v1/sign-in', { email, password: 'chosen by who reads the mail', ...more })
  expect((await sign({})).json()).toMatchObject({ code: 'HANSE_SECOND_FACTOR' })
  expect((await sign({ code: code() })).statusCode).toBe(200)
})

test('what changes how one signs in wants a fresh proof, and a new token', async () => {
  const { context } = people
  const email = 'fresh@example.org'
  const browser = await signedUp(people, email)
  context.clock.now += 10 * MINUTE_MS
  for (const [method, url] of [
    ['POST', '/v1/account/totp'],
    ['DELETE', '/v1/account/totp'],
    ['POST', '/v1/account/recovery-codes'],
    ['POST', '/v1/account/passkeys/options'],
    ['DELETE', '/v1/account/passkeys/any'],
  ] as const) {
    const refused = await browser.send(method, url)
    expect(refused.json()).toMatchObject({ code: 'HANSE_SIGN_IN_AGAIN' })
  }
  await signIn(browser, email)
  expect((await browser.post('/v1/account/totp')).statusCode).toBe(200)
  const { code } = await withTotp('rotated@example.org')
  expect(code()).toMatch(/^\d{6}$/u)
})

test('removing the app asks for no code any more, and ends its recovery codes', async () => {
  const { app } = people
  const { browser, recoveryCodes } = await withTotp('removed@example.org')
  const before = browser.cookies.get('hanse_session')
  expect((await browser.delete('/v1/account/totp')).statusCode).toBe(200)
  expect(browser.cookies.get('hanse_session')).not.toBe(before)
  expect((await signIn(new Browser(app), 'removed@example.org')).statusCode).toBe(200)
  expect((await browser.get('/v1/account')).json()).toMatchObject({
    hasTotp: false,
    recoveryCodesLeft: 0,
  })
  expect(recoveryCodes).toHaveLength(10)
})

const PARTY = { origin: 'http://settlement.test', rpId: 'settlement.test' }

async function addPasskey(browser: Browser, device: Authenticator, changes: Partial<Asking> = {}) {
  const options = (await browser.post('/v1/account/passkeys/options')).json()
  expect(options).toMatchObject({
    rp: { id: PARTY.rpId },
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  })
  const response = device.make({ ...PARTY, challenge: options.challenge, ...changes })
  return browser.post('/v1/account/passkeys', { name: 'Telephone', response })
}

async function challenge(browser: Browser): Promise<string> {
  const options = (await browser.post('/v1/sign-in/passkey/options')).json()
  expect(options).toMatchObject({ rpId: PARTY.rpId, userVerification: 'required' })
  return options.challenge
}

test('a passkey signs in by itself, however often others guess at the password', async () => {
  const { app } = people
  const email = 'passkey@example.org'
  const browser = await signedUp(people, email)
  const { person } = (await browser.get('/v1/account')).json()
  const device = new Authenticator()
  expect((await addPasskey(browser, device)).json()).toEqual({ id: device.id })
  const stranger = new Browser(app, '198.51.100.66')
  for (let i = 0; i < 6; i++) await signIn(stranger, email, { password: 'a guess' })
  expect((await signIn(new Browser(app), email)).statusCode).toBe(429)
  const elsewhere = new Browser(app)
  const response = device.use({ ...PARTY, challenge: await challenge(elsewhere) }, person)
  const signedIn = await elsewhere.post('/v1/sign-in/passkey', { response })
  expect(signedIn.json()).toMatchObject({ person, factors: ['passkey'] })
  expect((await elsewhere.get('/v1/account/passkeys')).json()).toMatchObject({
    passkeys: [{ id: device.id, name: 'Telephone', usedAt: expect.any(Number) }],
  })
  const replayed = await new Browser(app).post('/v1/sign-in/passkey', { response })
  expect(replayed.json()).toMatchObject({ code: 'HANSE_PASSKEY_INVALID' })
})

test('a passkey that answers for another site, person or question is refused', async () => {
  const { app, context } = people
  const browser = await signedUp(people, 'refused@example.org')
  const { person } = (await browser.get('/v1/account')).json()
  const device = new Authenticator()
  const wrong: Partial<Asking>[] = [
    { origin: 'https://evil.test' },
    { rpId: 'evil.test' },
    { challenge: 'bm90LWEtY2hhbGxlbmdl' },
    { verifies: false },
  ]
  for (const changes of wrong) {
    const refused = await addPasskey(browser, device, changes)
    expect(refused.json()).toMatchObject({ code: 'HANSE_PASSKEY_INVALID' })
  }
  await addPasskey(browser, device)
  // Somebody else cannot take it over.
  const other = await signedUp(people, 'taker@example.org')
  expect((await addPasskey(other, device)).json()).toMatchObject({ code: 'HANSE_PASSKEY_INVALID' })
  const use = async (changes: Partial<Asking>, whose = person) => {
    const asked = { ...PARTY, challenge: await challenge(browser), ...changes }
    const response = device.use(asked, whose)
    return new Browser(app).post('/v1/sign-in/passkey', { response })
  }
  for (const changes of wrong) expect((await use(changes)).statusCode).toBe(400)
  expect((await use({}, 'per_somebody-else')).statusCode).toBe(400)
  const stale = await challenge(browser)
  context.clock.now += 5 * MINUTE_MS
  expect((await use({ challenge: stale })).statusCode).toBe(400)
  expect((await use({})).statusCode).toBe(200)
  // A copy of the device has an older count.
  device.counter = 0
  expect((await use({})).statusCode).toBe(400)
})

test('the last way to sign in stays', async () => {
  const { context } = people
  const browser = await signedUp(people, 'last@example.org')
  const { person } = (await browser.get('/v1/account')).json()
  const [device, spare] = [new Authenticator(), new Authenticator()]
  await addPasskey(browser, device)
  await addPasskey(browser, spare)
  await context.store.executeSql(`update person set password_hash = null where id = '${person}'`)
  const remove = ({ id }: Authenticator) => browser.delete(`/v1/account/passkeys/${id}`)
  expect((await remove(spare)).statusCode).toBe(200)
  expect((await remove(spare)).statusCode).toBe(404)
  expect((await remove(device)).json()).toMatchObject({ code: 'HANSE_SIGN_IN_MEANS' })
})
