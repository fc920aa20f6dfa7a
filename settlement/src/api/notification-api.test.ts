import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { NOTIFICATIONS_TEST } from '../cli/operator-call.ts'
import { openLogger } from '../logging/open-logger.ts'
import { type MailServer, openMailServer } from '../notifications/testing/mail-server.ts'
import { openReceiver, type Receiver } from '../notifications/testing/receiver.ts'
import { openSettlement, type Settlement } from '../settlement.ts'
import { prepareDataDir } from '../testing/database-template.ts'
import { addProvider, NETWORK } from '../testing/market.ts'

let folder: string
let settlement: Settlement
let mails: MailServer
let receiver: Receiver
let log = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hanse-notifications-'))
  mails = await openMailServer()
  receiver = await openReceiver()
  const to = new Writable({
    write(chunk, _encoding, done) {
      log += String(chunk)
      done()
    },
  })
  await prepareDataDir(folder)
  settlement = await openSettlement({
    dataDir: folder,
    network: NETWORK,
    verifyThreads: 0,
    smtp: { url: mails.url, from: 'hanse@example.org' },
    privateNetworks: true,
    logger: openLogger('trace', to as never),
  })
}, 180_000)
afterAll(async () => {
  await settlement[Symbol.asyncDispose]()
  await mails[Symbol.asyncDispose]()
  await receiver[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

let token: string
let organization: string
beforeEach(async () => {
  mails.arrived.length = 0
  receiver.received.length = 0
  receiver.answer = (response) => response.end('ok')
  const made = await call('POST', '/v1/admin/organizations', { name: 'Test' }, operator())
  token = made.json().apiKey
  organization = made.json().organization
})

const operator = () => settlement.operatorToken
type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

async function call(method: Method, url: string, payload?: object, as: string | null = token) {
  const headers = as === null ? {} : { authorization: `Bearer ${as}` }
  const request = { method, url, headers, ...(payload !== undefined && { payload }) }
  for (;;) {
    const response = await settlement.app.inject(request)
    // A machine that does other things as well makes the service say: later.
    if (!response.body.includes('HANSE_OVERLOADED')) return response
  }
}

const addWebhook = async (as = token, prefix = '/v1') => {
  const body = { kind: 'webhook', name: 'ops', address: `${receiver.url}?key=in-the-address` }
  const made = await call('POST', `${prefix}/channels`, body, as)
  expect(made.statusCode, made.body).toBe(201)
  return made.json() as { id: string; secret: string; hint: string }
}
const tell = async (cause: string) => {
  const event = { organization, kind: 'budget.threshold' as const, subject: 'team-a', cause }
  await settlement.store.emitEvents([event], Date.now())
  await settlement.jobs.run('notifications')
}

test('a mailbox agrees before it is told anything, and says stop with one click', async () => {
  const address = 'anna@example.com'
  const made = await call('POST', '/v1/channels', { kind: 'email', name: 'Anna', address })
  expect(made.json()).toMatchObject({ state: 'unconfirmed', hint: 'a…@example.com', secret: null })
  const { id } = made.json()
  expect((await call('POST', '/v1/subscriptions', { channel: id })).statusCode).toBe(201)
  await tell('before')
  expect((await call('POST', `/v1/channels/${id}/test`)).json().code).toBe('HANSE_CHANNEL_STATE')
  expect((await call('POST', `/v1/channels/${id}/confirmation`)).statusCode).toBe(429)
  expect(mails.arrived.map(({ mail }) => mail.subject)).toEqual(['Do you want notifications here?'])
  const link = linkIn(mails.arrived[0]?.mail.text)
  const stateOf = async () => (await call('GET', '/v1/channels')).json().channels[0].state

  // Whatever reads mails follows their links.
  const page = await call('GET', link, undefined, null)
  expect(page.headers['content-type']).toContain('text/html')
  expect(await stateOf()).toBe('unconfirmed')
  const forged = `${link.slice(0, -2)}${link.endsWith('AA') ? 'BB' : 'AA'}`
  expect((await call('POST', forged, undefined, null)).json().code).toBe('HANSE_LINK_INVALID')
  const swapped = link.replace('confirm', 'unsubscribe')
  expect((await call('POST', swapped, undefined, null)).json().code).toBe('HANSE_LINK_INVALID')
  expect((await call('POST', link, undefined, null)).statusCode).toBe(200)
  expect(await stateOf()).toBe('active')

  await tell('after')
  const arrived = mails.arrived.at(-1)
  expect(arrived).toMatchObject({
    to: [address],
    mail: { subject: 'A budget has reached a threshold: team-a' },
  })
  const stop = linkIn(arrived?.mail.text)
  const clicked = await settlement.app.inject({
    method: 'POST',
    url: stop,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    payload: 'List-Unsubscribe=One-Click',
  })
  expect(clicked.statusCode).toBe(200)
  expect(await stateOf()).toBe('disabled')
  // The link of then does not bring it back.
  expect((await call('POST', link, undefined, null)).json().code).toBe('HANSE_LINK_INVALID')
  await tell('too late')
  expect(mails.arrived).toHaveLength(2)
  // Its owner cannot overrule its reader.
  await call('PATCH', `/v1/channels/${id}`, { isActive: true })
  expect(await stateOf()).toBe('unconfirmed')
})

test('a webhook is told with a signature of its secret, which is shown once', async () => {
  const made = await addWebhook()
  await call('POST', '/v1/subscriptions', { channel: made.id, repeatMinutes: 0 })
  await tell('one')
  const { headers, body } = receiver.received.at(-1) ?? { headers: {}, body: '' }
  const verified = new Webhook(made.secret).verify(body, headers as Record<string, string>)
  expect(verified).toMatchObject({ type: 'budget.threshold', data: { organization } })

  const rotated = await call('POST', `/v1/channels/${made.id}/secret`)
  expect(rotated.json().secret).toMatch(/^whsec_/u)
  expect(rotated.json().secret).not.toBe(made.secret)
  const test = await call('POST', `/v1/channels/${made.id}/test`)
  expect(test.json()).toMatchObject({ delivered: true, status: 200 })
  expect(
    receiver.received.at(-1)?.headers['webhook-signature']?.toString().split(' '),
  ).toHaveLength(2)

  const shown = [
    await call('GET', '/v1/channels'),
    await call('GET', '/v1/deliveries'),
    await call('GET', '/v1/events'),
    await call('PATCH', `/v1/channels/${made.id}`, { name: 'new' }),
  ].map((response) => response.body)
  expect(shown[0]).toContain(made.hint)
  for (const secret of [made.secret, rotated.json().secret, 'in-the-address']) {
    expect(shown.join()).not.toContain(secret)
    expect(log).not.toContain(secret)
  }
})

test('a message that was given up is listed, sent again, and forgotten', async () => {
  const { id } = await addWebhook()
  await call('POST', '/v1/subscriptions', { channel: id })
  receiver.answer = (response) => response.writeHead(410).end()
  await tell('gone')
  const dead = async () => (await call('GET', '/v1/deliveries?state=dead')).json().deliveries
  expect(await dead()).toMatchObject([{ failure: 'the receiver answered 410', status: 410 }])
  receiver.answer = (response) => response.end()
  expect((await call('PATCH', `/v1/channels/${id}`, { isActive: true })).json()).toMatchObject({
    state: 'active',
    reason: null,
  })
  const [{ id: message }] = await dead()
  expect((await call('POST', '/v1/deliveries/replay', { id: message })).json().replayed).toBe(1)
  await settlement.jobs.run('notifications')
  expect(await dead()).toEqual([])
  expect((await call('POST', '/v1/deliveries/purge', {})).json().purged).toBe(0)
})

test('Slack gets blocks and a text, without anything that it would act on', async () => {
  const body = { kind: 'slack', name: '<!channel> & *all*', address: receiver.url }
  const { id } = (await call('POST', '/v1/channels', body)).json()
  expect((await call('POST', `/v1/channels/${id}/test`)).json().delivered).toBe(true)
  const sent = JSON.parse(receiver.received.at(-1)?.body ?? '')
  expect(sent.text).toBe('This is a test: &lt;!channel&gt; &amp; *all*')
  expect(sent.blocks[0]).toMatchObject({ type: 'section', text: { type: 'mrkdwn' } })
  expect(sent.blocks[0].text.text).not.toContain('<')
  expect((await call('POST', `/v1/channels/${id}/secret`)).json().code).toBe('HANSE_CHANNEL_STATE')
})

test('quiet hours and digests are taken by the clock of a time zone, and nonsense is not', async () => {
  const { id: channel } = await addWebhook()
  const terms = {
    kinds: ['budget.threshold'],
    severity: 'warning',
    pace: 'daily',
    timeZone: 'Europe/Berlin',
    dailyAt: '08:30',
    quiet: { from: '22:00', until: '07:15' },
    urgentOverrides: false,
    repeatMinutes: 30,
  }
  const made = await call('POST', '/v1/subscriptions', { channel, ...terms })
  expect(made.json()).toMatchObject(terms)
  const { id } = made.json()
  const changed = await call('PUT', `/v1/subscriptions/${id}`, { ...terms, pace: 'hourly' })
  expect(changed.json().pace).toBe('hourly')
  for (const wrong of [
    { timeZone: 'Europe/Atlantis' },
    { dailyAt: '24:00' },
    { kinds: ['weather'] },
    { quiet: { from: '22:00' } },
  ]) {
    const refused = await call('POST', '/v1/subscriptions', { channel, ...wrong })
    expect(refused.statusCode).toBe(400)
  }
  expect((await call('DELETE', `/v1/subscriptions/${id}`)).statusCode).toBe(204)
  expect((await call('GET', '/v1/subscriptions')).json()).toEqual({ subscriptions: [] })
})

test.each([
  ['webhook', 'https://169.254.169.254/latest'],
  ['webhook', 'http://example.org/'],
  ['slack', 'https://a:b@hooks.slack.com/'],
  ['email', 'a@example.com\r\nBcc: b@example.com'],
])('a %s at %j is refused', async (kind, address) => {
  const answer = await call('POST', '/v1/channels', { kind, name: 'x', address })
  expect(answer.json().code).toBe('HANSE_CHANNEL_ADDRESS')
})

test('nobody sees or moves what is another’s, or may not be done with their key', async () => {
  const { id } = await addWebhook()
  const { id: subscription } = (await call('POST', '/v1/subscriptions', { channel: id })).json()
  await tell('mine')
  const other = await call('POST', '/v1/admin/organizations', { name: 'Other' }, operator())
  const stranger = other.json().apiKey as string
  const routes: [Method, string, object?][] = [
    ['PATCH', `/v1/channels/${id}`, { name: 'x' }],
    ['DELETE', `/v1/channels/${id}`],
    ['POST', `/v1/channels/${id}/secret`],
    ['POST', `/v1/channels/${id}/confirmation`],
    ['POST', `/v1/channels/${id}/test`],
    ['POST', '/v1/subscriptions', { channel: id }],
    ['PUT', `/v1/subscriptions/${subscription}`, {}],
    ['DELETE', `/v1/subscriptions/${subscription}`],
  ]
  const scopes = { name: 'looks', scopes: ['read'] }
  const reader = (await call('POST', '/v1/keys', scopes)).json().apiKey as string
  for (const [method, url, body] of routes) {
    expect((await call(method, url, body, stranger)).statusCode, url).toBe(404)
    expect((await call(method, url, body, reader)).statusCode, url).toBe(403)
    expect((await call(method, url, body, null)).statusCode, url).toBe(401)
    const admin = url.replace('/v1/', '/v1/admin/')
    expect((await call(method, admin, body)).statusCode, admin).toBe(401)
    expect((await call(method, admin, body, operator())).statusCode, admin).toBe(404)
  }
  for (const list of ['channels', 'subscriptions', 'events', 'deliveries']) {
    expect((await call('GET', `/v1/${list}`, undefined, stranger)).json()[list]).toEqual([])
    expect((await call('GET', `/v1/${list}`, undefined, reader)).json()[list]).toHaveLength(1)
    expect((await call('GET', `/v1/admin/${list}`)).statusCode).toBe(401)
  }
  const all = (await call('POST', '/v1/deliveries/replay', {}, stranger)).json()
  expect(all).toEqual({ replayed: 0 })
})

test('operators are told of the platform’s own, and test all of their channels at once', async () => {
  const { id } = await addWebhook(operator(), '/v1/admin')
  await call('POST', '/v1/admin/subscriptions', { channel: id }, operator())
  const { peerId } = await addProvider(settlement.context)
  const held = await call(
    'PUT',
    `/v1/admin/providers/${peerId}/payout-hold`,
    { reason: 'x' },
    operator(),
  )
  expect(held.statusCode, held.body).toBeLessThan(300)
  await settlement.jobs.run('notifications')
  const told = receiver.received.map(({ body }) => JSON.parse(body))
  expect(told).toMatchObject([
    {
      type: 'payout.held',
      data: { organization: null, subject: peerId, facts: { provider: peerId } },
    },
  ])
  expect((await call('GET', '/v1/events')).json().events).toEqual([])
  const tested = await NOTIFICATIONS_TEST.onService?.(settlement)
  expect(tested).toMatchObject({ results: [{ channel: id, delivered: true }] })
  expect(NOTIFICATIONS_TEST.isBad?.(tested)).toBe(false)
  receiver.answer = (response) => response.writeHead(500).end()
  const failed = await call('POST', '/v1/admin/channels/test', undefined, operator())
  expect(failed.json().results).toMatchObject([{ delivered: false, status: 500 }])
  expect(NOTIFICATIONS_TEST.isBad?.(failed.json())).toBe(true)
})

test('events come page by page', async () => {
  for (const cause of ['a', 'b', 'c']) {
    const event = { organization, kind: 'plan.ended' as const, subject: cause, cause }
    await settlement.store.emitEvents([event], Date.now())
  }
  const first = (await call('GET', '/v1/events?limit=2')).json()
  expect(first.events.map(({ subject }: { subject: string }) => subject)).toEqual(['c', 'b'])
  const second = (await call('GET', `/v1/events?limit=2&after=${first.next}`)).json()
  expect(second).toMatchObject({
    events: [{ subject: 'a', title: 'A plan has ended: a' }],
    next: null,
  })
  expect((await call('GET', '/v1/events?kind=plan.past_due')).json().events).toEqual([])
})

function linkIn(text: string | undefined): string {
  const { pathname, search } = new URL(/https?:\S+/u.exec(text ?? '')?.[0] ?? '')
  return `${pathname}${search}`
}
