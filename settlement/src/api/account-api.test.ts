import { afterAll, beforeAll, expect, test } from 'vitest'
import { addMemberOf, addOrganization, join } from '../access/testing/people.ts'
import {
  Browser,
  openPeopleApp,
  PASSWORD,
  type PeopleApp,
  signedUp,
} from '../people/testing/people-app.ts'

let people: PeopleApp
beforeAll(async () => {
  people = await openPeopleApp()
}, 180_000)
afterAll(() => people[Symbol.asyncDispose]())

const signIn = (email: string, password = PASSWORD) =>
  new Browser(people.app).post('/v1/sign-in', { email, password })
const codeOf = (answer: { json(): { code?: string } }) => answer.json().code
const personOf = async (browser: Browser) => (await browser.get('/v1/account')).json().person
const confirm = (browser: Browser, token: string) =>
  browser.post('/v1/account/email/confirm', { token })

test('an address is changed by who reads the new one and is signed in, and the old one is told', async () => {
  const { mailbox } = people
  const browser = await signedUp(people, 'old@example.org')
  const stranger = await signedUp(people, 'stranger@example.org')
  const asked = await browser.post('/v1/account/email', { email: 'New@example.org' })
  expect(asked.statusCode).toBe(202)
  const token = await mailbox.token('new@example.org')
  expect((await mailbox.next('old@example.org')).text).toContain('another e-mail address')
  // Whoever was sent the link by mistake has nothing of it.
  expect(codeOf(await confirm(stranger, token))).toBe('HANSE_LINK_INVALID')
  expect((await confirm(new Browser(people.app), token)).statusCode).toBe(401)
  expect((await signIn('new@example.org')).statusCode).toBe(401)
  expect((await confirm(browser, token)).json()).toEqual({ email: 'new@example.org' })
  expect((await mailbox.next('old@example.org')).subject).toContain('another e-mail address')
  expect(codeOf(await confirm(browser, token))).toBe('HANSE_LINK_INVALID')
  expect((await signIn('new@example.org')).statusCode).toBe(200)
  expect((await signIn('old@example.org')).statusCode).toBe(401)
})

test('whether the new address is somebody’s is seen by them alone', async () => {
  const { mailbox } = people
  await signedUp(people, 'taken@example.org')
  const browser = await signedUp(people, 'wanting@example.org')
  const asked = await browser.post('/v1/account/email', { email: 'taken@example.org' })
  const free = await browser.post('/v1/account/email', { email: 'free@example.org' })
  expect([asked.statusCode, asked.body]).toEqual([free.statusCode, free.body])
  expect((await mailbox.next('taken@example.org')).subject).toBe('You have an account already')
  // Somebody proves the address before the link is used.
  const token = await mailbox.token('free@example.org')
  await signedUp(people, 'free@example.org')
  expect(codeOf(await confirm(browser, token))).toBe('HANSE_LINK_INVALID')
})

test('who did not ask for another address stops it with a new password', async () => {
  const { mailbox } = people
  const browser = await signedUp(people, 'warned@example.org')
  await browser.post('/v1/account/email', { email: 'thief@example.org' })
  const token = await mailbox.token('thief@example.org')
  await mailbox.next('warned@example.org')
  const change = { current: PASSWORD, password: 'a boat upon the canal' }
  expect((await browser.post('/v1/account/password', change)).statusCode).toBe(200)
  expect(codeOf(await confirm(browser, token))).toBe('HANSE_LINK_INVALID')
})

test('an address of an organization’s own domain stays, and so does a stale session’s', async () => {
  const { context } = people
  const browser = await signedUp(people, 'ann@corp.example')
  const { organization } = await addOrganization(context)
  await join(context, organization, await personOf(browser), 'developer')
  await context.store.addSsoDomain(organization, 'corp.example', 'token', context.now())
  await context.store.verifySsoDomain(organization, 'corp.example', context.now())
  const kept = await browser.post('/v1/account/email', { email: 'ann@example.org' })
  expect(codeOf(kept)).toBe('HANSE_FORBIDDEN')
  const other = await signedUp(people, 'stale@example.org')
  context.clock.now += 11 * 60_000
  const stale = await other.post('/v1/account/email', { email: 'fresh@example.org' })
  expect(codeOf(stale)).toBe('HANSE_SIGN_IN_AGAIN')
  expect(codeOf(await other.delete('/v1/account'))).toBe('HANSE_SIGN_IN_AGAIN')
})

test('of who is erased an id is left, and nothing that leads to them', async () => {
  const { context, mailbox } = people
  const email = 'gone@example.org'
  const browser = await signedUp(people, email)
  const person = await personOf(browser)
  const { organization } = await addOrganization(context)
  const owner = await addMemberOf(context, organization, 'owner')
  await join(context, organization, person, 'developer')
  const made = await browser.post('/v1/keys', { name: 'k', scopes: ['read'] })
  const key = { authorization: `Bearer ${made.json().apiKey}` }
  const balance = () => people.app.inject({ url: '/v1/balance', headers: key })
  expect((await balance()).statusCode).toBe(200)

  expect((await browser.delete('/v1/account')).statusCode).toBe(200)
  expect((await mailbox.next(email)).subject).toBe('Your account was erased')
  expect((await balance()).statusCode).toBe(401)
  expect((await browser.get('/v1/account')).statusCode).toBe(401)
  expect((await signIn(email)).statusCode).toBe(401)
  const members = await people.app.inject({ url: '/v1/members', headers: owner.headers })
  expect(members.json().members).toHaveLength(1)
  const { rows } = await context.store.executeSql(
    'select row_to_json(p)::text as row from person p',
  )
  expect(JSON.stringify(rows)).not.toContain(email)

  // What they did is known, and not from where.
  const log = async () => {
    const asked = await context.store.accessEntries({
      organization: null,
      actor: `person:${person}`,
      limit: 50,
    })
    return asked.map(({ action, address }) => ({ action, address }))
  }
  await expect
    .poll(async () => (await log())[0], { timeout: 10_000 })
    .toEqual({
      action: 'erase',
      address: null,
    })
  expect((await log()).every(({ address }) => address === null)).toBe(true)
  // The same mailbox begins anew, as somebody else.
  expect(await personOf(await signedUp(people, email))).not.toBe(person)
})

test('the last owner stays until somebody else is one, or the organization is disabled', async () => {
  const { app } = people
  const browser = await signedUp(people, 'founder@example.org')
  const founded = await browser.post('/v1/organizations', { name: 'One' })
  const { organization } = founded.json()
  const refused = await browser.delete('/v1/account')
  expect(codeOf(refused)).toBe('HANSE_LAST_OWNER')
  expect(refused.json().detail).toContain(organization)
  expect((await browser.get('/v1/account')).statusCode).toBe(200)
  const headers = { authorization: 'Bearer operator' }
  const url = `/v1/admin/organizations/${organization}/disable`
  expect((await app.inject({ method: 'POST', url, headers })).statusCode).toBe(200)
  expect((await browser.delete('/v1/account')).statusCode).toBe(200)
})
