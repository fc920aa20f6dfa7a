import assert from 'node:assert/strict'
import { test } from 'vitest'
import { activeAccount, charge, openFixture, recipient, startMs } from './fixture.ts'
import { openReceiver, secret } from './webhook-receiver.ts'
import { signatureHeader } from './webhook-sender.ts'

test('events are signed as Stripe signs them, and a changed body is refused', async () => {
  await using receiver = await openReceiver()
  await using fixture = await openFixture({
    webhooks: [{ url: receiver.url, secret }],
    delivery: 'manual',
  })
  const { stripe, double } = fixture
  const intent = await charge(stripe, 5_000)
  await double.deliverWebhooks()
  const events = receiver.received.map(({ body, signature }) =>
    stripe.webhooks.constructEvent(body, signature, secret, 300, undefined, startMs),
  )
  assert.deepEqual(
    events.map(({ type }) => type),
    ['payment_intent.created', 'charge.succeeded', 'payment_intent.succeeded'],
  )
  const last = events[2]
  assert.ok(last?.type === 'payment_intent.succeeded')
  assert.equal(last.data.object.id, intent.id)
  assert.equal((await stripe.events.retrieve(last.id)).type, last.type)
  const listed = await stripe.events.list({ types: ['charge.succeeded'] })
  assert.equal(listed.data.length, 1)
  const [first] = receiver.received
  assert.ok(first !== undefined)
  const verify = (body: string, sign: string, key: string, atMs: number) => () =>
    stripe.webhooks.constructEvent(body, sign, key, 300, undefined, atMs)
  assert.throws(verify(first.body.replace('5000', '5001'), first.signature, secret, startMs))
  assert.throws(verify(first.body, first.signature, 'whsec_other', startMs))
  assert.throws(verify(first.body, first.signature, secret, startMs + 301_000))
})

test('our signature is the one the library makes', async () => {
  await using fixture = await openFixture()
  const timestamp = 1_700_000_000
  const payload = '{"a":1}'
  const theirs = fixture.stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp })
  assert.equal(signatureHeader(payload, secret, timestamp * 1_000), theirs)
})

test('a finished onboarding sends a thin event that leads to the account', async () => {
  await using receiver = await openReceiver()
  await using fixture = await openFixture({
    webhooks: [{ url: receiver.url, secret }],
    delivery: 'manual',
  })
  const { stripe, double } = fixture
  const account = await stripe.v2.core.accounts.create(recipient)
  await double.setTransfers(account.id, 'active')
  await double.deliverWebhooks()
  const thin = receiver.received.at(-1)
  assert.ok(thin !== undefined)
  const event = stripe.parseEventNotification(
    thin.body,
    thin.signature,
    secret,
    300,
    undefined,
    startMs,
  )
  assert.ok(event.type === 'v2.core.account[configuration.recipient].capability_status_updated')
  assert.equal(event.related_object.id, account.id)
  const full = await event.fetchEvent()
  assert.equal(full.data.updated_capability, 'stripe_balance.stripe_transfers')
})

test('transfers and their reversals send events; asked to, each arrives twice', async () => {
  await using receiver = await openReceiver()
  await using fixture = await openFixture({
    webhooks: [{ url: receiver.url, secret }],
    delivery: 'manual',
  })
  const { stripe, double } = fixture
  const destination = await activeAccount(fixture)
  await charge(stripe, 5_000)
  await double.deliverWebhooks()
  receiver.received.length = 0
  double.copyWebhooks(2)
  const { id } = await stripe.transfers.create({ amount: 100, currency: 'eur', destination })
  await stripe.transfers.createReversal(id)
  assert.deepEqual(await double.deliverWebhooks(), { delivered: 4, failed: 0 })
  const bodies = receiver.received.map(({ body }) => JSON.parse(body))
  assert.deepEqual(
    bodies.map(({ type }) => type),
    ['transfer.created', 'transfer.created', 'transfer.reversed', 'transfer.reversed'],
  )
  assert.equal(bodies[0].id, bodies[1].id)
  await double.redeliver(bodies[0].id)
  assert.deepEqual(await double.deliverWebhooks(), { delivered: 2, failed: 0 })
})

test('automatic delivery tries again after a failure', async () => {
  await using receiver = await openReceiver()
  receiver.statuses.push(500)
  await using fixture = await openFixture({ webhooks: [{ url: receiver.url, secret }] })
  await fixture.stripe.customers.create({ name: 'a' })
  await receiver.waitFor(2)
  assert.equal(receiver.received[0]?.body, receiver.received[1]?.body)
})

test('an endpoint made over the API gets the events it asked for', async () => {
  await using receiver = await openReceiver()
  await using fixture = await openFixture({ delivery: 'manual' })
  const { stripe, double } = fixture
  const endpoint = await stripe.webhookEndpoints.create({
    url: receiver.url,
    enabled_events: ['charge.succeeded'],
  })
  await charge(stripe, 5_000)
  assert.deepEqual(await double.deliverWebhooks(), { delivered: 1, failed: 0 })
  const [only] = receiver.received
  assert.ok(only !== undefined && endpoint.secret !== undefined)
  stripe.webhooks.constructEvent(
    only.body,
    only.signature,
    endpoint.secret,
    300,
    undefined,
    startMs,
  )
})

test('a receiver that is down is given up after five attempts, and does not hold up the end', async () => {
  await using fixture = await openFixture({
    webhooks: [{ url: 'http://127.0.0.1:9/stripe', secret }],
    delivery: 'manual',
  })
  await fixture.stripe.customers.create({ name: 'a' })
  for (let attempt = 0; attempt < 5; attempt += 1) {
    assert.deepEqual(await fixture.double.deliverWebhooks(), { delivered: 0, failed: 1 })
  }
  assert.deepEqual(await fixture.double.deliverWebhooks(), { delivered: 0, failed: 0 })
  await using automatic = await openFixture({
    webhooks: [{ url: 'http://127.0.0.1:9/stripe', secret }],
  })
  await automatic.stripe.customers.create({ name: 'a' })
})
