import assert from 'node:assert/strict'
import { test } from 'vitest'
import { PaymentsError } from '../payments-error.ts'
import {
  activeAccount,
  assertBalanced,
  charge,
  openFixture,
  openPayments,
  startMs,
  stripeAt,
} from './fixture.ts'
import type { StormRates } from './storm.ts'
import { openReceiver, secret } from './webhook-receiver.ts'

const rates: StormRates = {
  rateLimited: 0.1,
  failed: 0.05,
  unavailable: 0.1,
  droppedBefore: 0.05,
  droppedAfter: 0.1,
}

/** What 60 calls in a row were answered. */
async function weather(seed: number): Promise<(number | string)[]> {
  await using fixture = await openFixture({ storm: { seed, rates } })
  for (let i = 0; i < 60; i += 1) {
    await fetch(`${fixture.double.url}/v1/balance`, {
      headers: { authorization: 'Bearer sk_test_hanse', connection: 'close' },
    }).catch(() => undefined)
  }
  return fixture.double.requests.map(({ status }) => status)
}

test('a storm comes again from its seed, and another seed is another storm', async () => {
  const first = await weather(7)
  assert.deepEqual(await weather(7), first)
  assert.notDeepEqual(await weather(8), first)
  for (const status of [200, 429, 500, 503, 'drop'] as const) assert.ok(first.includes(status))
})

test('through a storm, operations that are repeated until they are answered happen once', async () => {
  await using fixture = await openPayments({
    storm: { seed: 20_261_121, rates: { ...rates, failed: 0 } },
  })
  const { payments, double, stripe } = fixture
  double.storm()
  const account = await activeAccount(fixture)
  await charge(stripe, 100_000)
  double.storm({ seed: 3, rates: { ...rates, failed: 0 } })
  const send = async (operation: string): Promise<string> => {
    for (;;) {
      try {
        const request = { account, cents: 100n, operation, transferGroup: 'g' }
        return (await payments.transfer(request)).transfer
      } catch (error) {
        assert.ok(error instanceof PaymentsError && error.retryable, String(error))
      }
    }
  }
  const made = await Promise.all(Array.from({ length: 20 }, (_, i) => send(`t-${i}`)))
  double.storm()
  assert.equal(new Set(made).size, 20)
  const found: string[] = []
  for await (const { transfer } of payments.transfers({ sinceMs: 0 })) found.push(transfer)
  assert.deepEqual(found.toSorted(), made.toSorted())
  await assertBalanced(stripe, [account])
})

test('no answer after the effect: the caller gives up, asks again, and has one transfer', async () => {
  await using fixture = await openFixture()
  const { double } = fixture
  const destination = await activeAccount(fixture)
  await charge(fixture.stripe, 10_000)
  double.failNext({ operation: 'Transfers.create', when: 'after', status: 'hang' })
  const stripe = stripeAt(double, { timeout: 300, maxNetworkRetries: 1 })
  const params = { amount: 100, currency: 'eur', destination }
  const { id } = await stripe.transfers.create(params, { idempotencyKey: 'k' })
  const { data } = await fixture.stripe.transfers.list()
  assert.deepEqual(
    data.map((transfer) => transfer.id),
    [id],
  )
})

test('a 429 says when to come back, and a slow answer is a true one', async () => {
  await using fixture = await openFixture()
  const { double, stripe } = fixture
  const operation = 'Balance.retrieve'
  double.failNext({ operation, when: 'before', status: 429, retryAfterS: 2 })
  const limited = await fetch(`${double.url}/v1/balance`, {
    headers: { authorization: 'Bearer sk_test_hanse' },
  })
  assert.deepEqual([limited.status, limited.headers.get('retry-after')], [429, '2'])
  double.failNext({ operation, when: 'before', status: 'slow', delayMs: 20 })
  assert.equal((await stripe.balance.retrieve()).object, 'balance')
})

test('webhooks are lost, doubled, reordered, delayed and signed too long ago, as the seed says', async () => {
  const storm = {
    seed: 11,
    rates: {
      webhookLost: 0.2,
      webhookTwice: 0.2,
      webhookReordered: 0.3,
      webhookDelayed: 0.2,
      webhookStale: 0.2,
      delayMs: 1_000,
    },
  }
  const once = async () => {
    await using receiver = await openReceiver()
    await using fixture = await openFixture({
      webhooks: [{ url: receiver.url, secret }],
      delivery: 'manual',
      storm,
    })
    const { double, stripe } = fixture
    for (let i = 0; i < 40; i += 1) await stripe.customers.create({ name: `${i}` })
    receiver.refuse((body, signature) => {
      try {
        stripe.webhooks.constructEvent(body, signature, secret, 300, undefined, double.now())
        return false
      } catch {
        return true
      }
    })
    const first = await double.deliverWebhooks()
    await double.advance(1_000)
    const second = await double.deliverWebhooks()
    const names = receiver.accepted().map((body) => Number(JSON.parse(body).data.object.name))
    return { first, second, names }
  }
  const seen = await once()
  const { names, first, second } = seen
  // Signed too long ago, the first attempt is refused; the second is fresh.
  assert.ok(first.failed > 0 && second.delivered > 0)
  const kinds = new Set(names)
  assert.ok(kinds.size < 40 && kinds.size > 25, 'some are never delivered')
  assert.ok(names.length > kinds.size, 'some come twice')
  assert.notDeepEqual(
    names,
    names.toSorted((a, b) => a - b),
  )
  assert.deepEqual(await once(), seen)
})

test('a person moves the clock and pays over HTTP, from this machine and with JSON only', async () => {
  await using fixture = await openPayments()
  const { double, payments } = fixture
  const post = (command: string, body: object, headers: Record<string, string> = {}) =>
    fetch(`${double.url}/_double/${command}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  assert.equal((await post('advance', { ms: 5_000 })).status, 200)
  assert.equal(double.now(), startMs + 5_000)
  const { customer } = await payments.createCustomer({ organization: 'o', operation: 'c' })
  const { checkout } = await payments.createCheckout({
    mode: 'payment',
    customer,
    organization: 'o',
    cents: 500n,
    description: 'Credit',
    successUrl: 'http://127.0.0.1/yes',
    cancelUrl: 'http://127.0.0.1/no',
    operation: 'k',
  })
  assert.deepEqual(await (await post('checkout', { checkout })).json(), { outcome: 'complete' })
  const operation = 'Balance.retrieve'
  const plan = { operation, when: 'before', status: 403 }
  assert.equal((await post('fail', plan)).status, 200)
  await assert.rejects(payments.balance(), { code: 'HANSE_STRIPE_REFUSED' })
  assert.equal((await post('storm', { seed: 1, rates: { rateLimited: 2 } })).status, 400)
  assert.equal((await post('advance', { ms: -1 })).status, 400)
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  assert.equal((await post('nothing', {})).status, 404)
  assert.equal((await post('__proto__', {})).status, 404)
  assert.equal((await post('advance', { ms: 1 }, form)).status, 403)
})
