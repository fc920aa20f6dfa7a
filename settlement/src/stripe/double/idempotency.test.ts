import assert from 'node:assert/strict'
import Stripe from 'stripe'
import { test } from 'vitest'
import { activeAccount, charge, type Fixture, openFixture } from './fixture.ts'

const dayMs = 86_400_000

async function paid(fixture: Fixture): Promise<Stripe.TransferCreateParams> {
  await charge(fixture.stripe, 100_000)
  return { amount: 1_000, currency: 'eur', destination: await activeAccount(fixture) }
}

async function transfersOf({ stripe }: Fixture): Promise<number> {
  return (await stripe.transfers.list({ limit: 100 })).data.length
}

test('the same key and parameters replay the first answer', async () => {
  await using fixture = await openFixture()
  const params = await paid(fixture)
  const first = await fixture.stripe.transfers.create(params, { idempotencyKey: 'k' })
  const again = await fixture.stripe.transfers.create(params, { idempotencyKey: 'k' })
  assert.deepEqual(again, first)
  assert.equal(again.lastResponse.headers['idempotent-replayed'], 'true')
  assert.equal(first.lastResponse.headers['idempotent-replayed'], undefined)
  assert.equal(await transfersOf(fixture), 1)
})

test('the same key with other parameters is refused', async () => {
  await using fixture = await openFixture()
  const params = await paid(fixture)
  await fixture.stripe.transfers.create(params, { idempotencyKey: 'k' })
  await assert.rejects(
    fixture.stripe.transfers.create({ ...params, amount: 2_000 }, { idempotencyKey: 'k' }),
    Stripe.errors.StripeIdempotencyError,
  )
  assert.equal(await transfersOf(fixture), 1)
})

test('30 creates with one key at once have one effect', async () => {
  await using fixture = await openFixture({ latencyMs: 20 }, { maxNetworkRetries: 5 })
  const params = await paid(fixture)
  const made = await Promise.all(
    Array.from({ length: 30 }, () =>
      fixture.stripe.transfers.create(params, { idempotencyKey: 'k' }),
    ),
  )
  assert.equal(new Set(made.map(({ id }) => id)).size, 1)
  assert.equal(await transfersOf(fixture), 1)
})

test('a key in use answers 409', async () => {
  await using fixture = await openFixture({ latencyMs: 400 })
  const create = () => fixture.stripe.customers.create({ name: 'a' }, { idempotencyKey: 'k' })
  const [first, second] = await Promise.allSettled([create(), create()])
  const statuses = [first.status, second.status].toSorted()
  assert.deepEqual(statuses, ['fulfilled', 'rejected'])
  const refused = first.status === 'rejected' ? first : second
  assert.ok(refused.status === 'rejected')
  assert.equal(refused.reason.code, 'idempotency_key_in_use')
})

test('a 500 is replayed under its key, even after the effect was committed', async () => {
  await using fixture = await openFixture()
  const params = await paid(fixture)
  fixture.double.failNext({ operation: 'Transfers.create', when: 'after', status: 500 })
  for (let attempt = 0; attempt < 3; attempt += 1) {
    await assert.rejects(fixture.stripe.transfers.create(params, { idempotencyKey: 'k' }), {
      statusCode: 500,
    })
  }
  assert.equal(await transfersOf(fixture), 1)
  const answers = fixture.double.requests.filter((seen) => seen.operation === 'Transfers.create')
  assert.deepEqual(
    answers.map(({ replayed }) => replayed),
    [false, true, true],
  )
})

test.each(['drop', 503] as const)(
  'an answer lost after the commit (%s) and the library’s retry make one transfer',
  async (status) => {
    await using fixture = await openFixture({}, { maxNetworkRetries: 2 })
    const params = await paid(fixture)
    fixture.double.failNext({ operation: 'Transfers.create', when: 'after', status })
    const transfer = await fixture.stripe.transfers.create(params, { idempotencyKey: 'k' })
    assert.equal(await transfersOf(fixture), 1)
    assert.equal((await fixture.stripe.transfers.retrieve(transfer.id)).amount, 1_000)
  },
)

test.each(['drop', 503] as const)(
  'a failure before the effect (%s) leaves the key free',
  async (status) => {
    await using fixture = await openFixture({}, { maxNetworkRetries: 2 })
    const params = await paid(fixture)
    fixture.double.failNext({ operation: 'Transfers.create', when: 'before', status })
    await fixture.stripe.transfers.create(params, { idempotencyKey: 'k' })
    assert.equal(await transfersOf(fixture), 1)
  },
)

test('429 is a rate limit error and stores nothing', async () => {
  await using fixture = await openFixture()
  const params = await paid(fixture)
  fixture.double.failNext({ operation: 'Transfers.create', when: 'before', status: 429 })
  const create = () => fixture.stripe.transfers.create(params, { idempotencyKey: 'k' })
  await assert.rejects(create(), Stripe.errors.StripeRateLimitError)
  await create()
  assert.equal(await transfersOf(fixture), 1)
})

test('failed validation stores nothing, a refusal is stored', async () => {
  await using fixture = await openFixture()
  const params = await paid(fixture)
  const options = { idempotencyKey: 'k' }
  await assert.rejects(fixture.stripe.transfers.create({ ...params, amount: 0 }, options))
  await fixture.stripe.transfers.create(params, options)
  const large = { ...params, amount: 10_000_000 }
  const refused = { idempotencyKey: 'large' }
  await assert.rejects(fixture.stripe.transfers.create(large, refused), {
    code: 'balance_insufficient',
  })
  await charge(fixture.stripe, 20_000_000)
  await assert.rejects(fixture.stripe.transfers.create(large, refused), {
    code: 'balance_insufficient',
  })
})

test('a key is forgotten after 24 hours of the double’s clock', async () => {
  await using fixture = await openFixture()
  const params = await paid(fixture)
  const create = () => fixture.stripe.transfers.create(params, { idempotencyKey: 'k' })
  const first = await create()
  await fixture.double.advance(dayMs - 1)
  assert.equal((await create()).id, first.id)
  await fixture.double.advance(1)
  assert.notEqual((await create()).id, first.id)
})

test('v2 runs a failed request again under its key, and keeps a success for 30 days', async () => {
  await using fixture = await openFixture()
  const { stripe, double } = fixture
  const params = {
    configuration: {
      recipient: { capabilities: { stripe_balance: { stripe_transfers: { requested: true } } } },
    },
    defaults: {
      responsibilities: { fees_collector: 'application', losses_collector: 'application' },
    },
    identity: { country: 'FR' },
  } satisfies Stripe.V2.Core.AccountCreateParams
  double.failNext({ operation: 'V2.Core.Accounts.create', when: 'before', status: 500 })
  const create = () => stripe.v2.core.accounts.create(params, { idempotencyKey: 'k' })
  await assert.rejects(create(), { statusCode: 500 })
  const account = await create()
  await double.advance(29 * dayMs)
  assert.equal((await create()).id, account.id)
})
