import assert from 'node:assert/strict'
import Stripe from 'stripe'
import { describe, test } from 'vitest'
import {
  activeAccount,
  assertBalanced,
  charge,
  openFixture,
  recipient,
  stripeAt,
} from './fixture.ts'

describe('accounts', () => {
  test('an account is pending until its onboarding page was opened, then active', async () => {
    await using fixture = await openFixture()
    const { stripe } = fixture
    const account = await stripe.v2.core.accounts.create(recipient)
    assert.equal(transfersStatus(account), 'pending')
    const link = await stripe.v2.core.accountLinks.create({
      account: account.id,
      use_case: {
        type: 'account_onboarding',
        account_onboarding: {
          return_url: 'http://127.0.0.1/done',
          refresh_url: 'http://127.0.0.1/again',
        },
      },
    })
    const first = await fetch(link.url, { redirect: 'manual' })
    assert.equal(first.headers.get('location'), 'http://127.0.0.1/done')
    const second = await fetch(link.url, { redirect: 'manual' })
    assert.equal(second.headers.get('location'), 'http://127.0.0.1/again')
    const found = await stripe.v2.core.accounts.retrieve(account.id, {
      include: ['configuration.recipient'],
    })
    assert.equal(transfersStatus(found), 'active')
    assert.equal(found.identity, undefined)
  })

  test('an onboarding link that has expired leads to the refresh address', async () => {
    await using fixture = await openFixture()
    const { stripe, double } = fixture
    const account = await stripe.v2.core.accounts.create(recipient)
    const link = await stripe.v2.core.accountLinks.create({
      account: account.id,
      use_case: {
        type: 'account_onboarding',
        account_onboarding: { refresh_url: 'http://127.0.0.1/again' },
      },
    })
    await double.advance(3_600_000)
    const response = await fetch(link.url, { redirect: 'manual' })
    assert.equal(response.headers.get('location'), 'http://127.0.0.1/again')
  })

  test('v2 lists are followed by their next page', async () => {
    await using fixture = await openFixture()
    for (let i = 0; i < 5; i += 1) await fixture.stripe.v2.core.accounts.create(recipient)
    const ids = new Set<string>()
    for await (const { id } of fixture.stripe.v2.core.accounts.list({ limit: 2 })) ids.add(id)
    assert.equal(ids.size, 5)
  })
})

describe('payments', () => {
  test('a card payment is pending, and available two days later', async () => {
    await using fixture = await openFixture()
    const { stripe, double } = fixture
    const intent = await charge(stripe, 10_000, 'pm_card_visa')
    assert.equal(intent.status, 'succeeded')
    assert.deepEqual(await amounts(stripe), { available: 0, pending: 9_825 })
    await double.advance(2 * 86_400_000)
    assert.deepEqual(await amounts(stripe), { available: 9_825, pending: 0 })
    const [transaction] = (await stripe.balanceTransactions.list({ type: 'charge' })).data
    assert.equal(transaction?.fee, 175)
    assert.equal(transaction?.source, intent.latest_charge)
    await assertBalanced(stripe, [])
  })

  test('a declined card is a card error, moves no money and leaves the intent behind', async () => {
    await using fixture = await openFixture()
    const { stripe } = fixture
    const error = await rejection(charge(stripe, 5_000, 'pm_card_chargeDeclined'))
    assert.ok(error instanceof Stripe.errors.StripeCardError)
    assert.equal(error.code, 'card_declined')
    assert.equal(error.decline_code, 'generic_decline')
    const [intent] = (await stripe.paymentIntents.list()).data
    assert.equal(intent?.status, 'requires_payment_method')
    assert.equal((await stripe.balanceTransactions.list()).data.length, 0)
  })

  test('expand puts objects in place of their ids', async () => {
    await using fixture = await openFixture()
    const { stripe } = fixture
    const { id } = await charge(stripe, 5_000)
    const intent = await stripe.paymentIntents.retrieve(id, {
      expand: ['latest_charge.balance_transaction'],
    })
    assert.ok(typeof intent.latest_charge === 'object')
    assert.ok(typeof intent.latest_charge?.balance_transaction === 'object')
    assert.equal(intent.latest_charge.balance_transaction?.amount, 5_000)
    const list = stripe.paymentIntents.list({ expand: ['data.nothing'] })
    assert.equal((await rejection(list)).statusCode, 400)
  })

  test('a customer is created and found', async () => {
    await using fixture = await openFixture()
    const { stripe } = fixture
    const { id } = await stripe.customers.create({ name: 'Kogge', metadata: { organization: 'o' } })
    const customer = await stripe.customers.retrieve(id)
    assert.ok(customer.deleted !== true)
    assert.equal(customer.metadata.organization, 'o')
  })
})

describe('transfers', () => {
  test('a transfer moves available money to an active account', async () => {
    await using fixture = await openFixture()
    const { stripe } = fixture
    const destination = await activeAccount(fixture)
    await charge(stripe, 10_000)
    const transfer = await stripe.transfers.create({ amount: 2_500, currency: 'eur', destination })
    assert.deepEqual(await amounts(stripe), { available: 7_325, pending: 0 })
    assert.deepEqual(await amounts(stripe, destination), { available: 2_500, pending: 0 })
    assert.ok(typeof transfer.destination_payment === 'string')
    const arrived = await stripe.charges.retrieve(
      transfer.destination_payment,
      {},
      { stripeAccount: destination },
    )
    assert.equal(arrived.source_transfer, transfer.id)
    await assertBalanced(stripe, [destination])
  })

  test('a transfer above the available balance is refused; pending money does not count', async () => {
    await using fixture = await openFixture()
    const { stripe } = fixture
    const destination = await activeAccount(fixture)
    await charge(stripe, 10_000, 'pm_card_visa')
    const params = { amount: 1, currency: 'eur', destination }
    const error = await rejection(stripe.transfers.create(params))
    assert.equal(error.code, 'balance_insufficient')
    assert.equal(error.statusCode, 400)
  })

  test.each(['pending', 'restricted'] as const)('a %s account cannot be paid', async (status) => {
    await using fixture = await openFixture()
    const { stripe, double } = fixture
    await charge(stripe, 10_000)
    const { id } = await stripe.v2.core.accounts.create(recipient)
    await double.setTransfers(id, status)
    const params = { amount: 100, currency: 'eur', destination: id }
    const error = await rejection(stripe.transfers.create(params))
    assert.equal(error.code, 'insufficient_capabilities_for_transfer')
    const missing = await rejection(stripe.transfers.create({ ...params, destination: 'acct_no' }))
    assert.equal(missing.code, 'resource_missing')
  })

  test('reversals return the money in parts, up to the amount and no further', async () => {
    await using fixture = await openFixture()
    const { stripe } = fixture
    const destination = await activeAccount(fixture)
    await charge(stripe, 10_000)
    const { id } = await stripe.transfers.create({ amount: 1_000, currency: 'eur', destination })
    await stripe.transfers.createReversal(id, { amount: 400 })
    assert.equal(
      (await rejection(stripe.transfers.createReversal(id, { amount: 601 }))).param,
      'amount',
    )
    await stripe.transfers.createReversal(id)
    assert.equal((await rejection(stripe.transfers.createReversal(id))).statusCode, 400)
    const transfer = await stripe.transfers.retrieve(id)
    assert.equal(transfer.reversed, true)
    assert.equal((await stripe.transfers.listReversals(id)).data.length, 2)
    assert.deepEqual(await amounts(stripe, destination), { available: 0, pending: 0 })
    await assertBalanced(stripe, [destination])
  })

  test('250 transfers are listed by auto-paging, once each, newest first', async () => {
    await using fixture = await openFixture()
    const { stripe, double } = fixture
    const destination = await activeAccount(fixture)
    await charge(stripe, 100_000)
    const made: string[] = []
    for (let i = 0; i < 250; i += 1) {
      const group = i % 2 === 0 ? 'even' : 'odd'
      const params = { amount: 100, currency: 'eur', destination, transfer_group: group }
      made.push((await stripe.transfers.create(params)).id)
    }
    const listed: string[] = []
    for await (const { id } of stripe.transfers.list({ limit: 100 })) listed.push(id)
    assert.deepEqual(listed, made.toReversed())
    let even = 0
    for await (const _ of stripe.transfers.list({ limit: 100, transfer_group: 'even' })) even += 1
    assert.equal(even, 125)
    const last = made.at(-3)
    assert.ok(last !== undefined)
    const before = await stripe.transfers.list({ ending_before: last })
    assert.deepEqual(
      before.data.map(({ id }) => id),
      made.slice(-2).toReversed(),
    )
    await double.advance(10_000)
    const none = await stripe.transfers.list({ created: { gt: before.data[0]?.created ?? 0 } })
    assert.equal(none.data.length, 0)
  })
})

describe('the wire', () => {
  test('a key of the wrong shape is refused and not repeated', async () => {
    await using fixture = await openFixture()
    for (const key of ['sk_live_secret', 'nonsense']) {
      const stripe = new Stripe(key, {
        host: '127.0.0.1',
        port: fixture.double.port,
        protocol: 'http',
        telemetry: false,
      })
      const error = await rejection(stripe.balance.retrieve())
      assert.ok(error instanceof Stripe.errors.StripeAuthenticationError)
      assert.ok(!error.message.includes(key))
    }
    assert.equal((await fetch(`${fixture.double.url}/v1/balance`)).status, 401)
  })

  test('unknown, missing and wrong parameters are named', async () => {
    await using fixture = await openFixture()
    const { stripe } = fixture
    const base = { amount: 100, currency: 'eur', destination: 'acct_x' }
    const unknown: Stripe.TransferCreateParams & { colour: string } = { ...base, colour: 'red' }
    const first = await rejection(stripe.transfers.create(unknown))
    assert.deepEqual([first.code, first.param], ['parameter_unknown', 'colour'])
    const { destination: _, ...partial } = base
    const second = await rejection(stripe.transfers.create(partial as typeof base))
    assert.deepEqual([second.code, second.param], ['parameter_missing', 'destination'])
    const third = await rejection(stripe.transfers.create({ ...base, amount: 1.5 }))
    assert.deepEqual([third.code, third.param], ['parameter_invalid_integer', 'amount'])
    const fee = { amount: 100, currency: 'eur', application_fee_amount: 10 }
    const fourth = await rejection(stripe.paymentIntents.create(fee))
    assert.deepEqual([fourth.code, fourth.param], ['parameter_unknown', 'application_fee_amount'])
  })

  test('answers carry a request id and the version that was asked for', async () => {
    await using fixture = await openFixture()
    const balance = await fixture.stripe.balance.retrieve()
    assert.match(balance.lastResponse.requestId, /^req_/)
    assert.equal(balance.lastResponse.apiVersion, Stripe.API_VERSION)
  })

  test('unknown addresses, unknown accounts and large bodies are refused in Stripe’s form', async () => {
    await using fixture = await openFixture()
    const { url } = fixture.double
    const headers = { authorization: 'Bearer sk_test_hanse' }
    const missing = await fetch(`${url}/v1/nothing`, { headers })
    assert.equal(missing.status, 404)
    assert.match(await missing.text(), /"error"/)
    const other = await fetch(`${url}/v1/balance`, {
      headers: { ...headers, 'stripe-account': 'acct_other' },
    })
    assert.equal(other.status, 403)
    const large = await fetch(`${url}/v1/customers`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body: `description=${'x'.repeat(300_000)}`,
    })
    assert.equal(large.status, 413)
  })

  test('two doubles do not share state', async () => {
    await using first = await openFixture()
    await using second = await openFixture()
    await charge(first.stripe, 5_000)
    assert.deepEqual(await amounts(stripeAt(second.double)), { available: 0, pending: 0 })
  })
})

function transfersStatus(account: Stripe.V2.Core.Account): string | undefined {
  return account.configuration?.recipient?.capabilities?.stripe_balance?.stripe_transfers?.status
}

async function amounts(stripe: Stripe, account?: string): Promise<object> {
  const options = account === undefined ? {} : { stripeAccount: account }
  const { available, pending } = await stripe.balance.retrieve({}, options)
  return { available: available[0]?.amount, pending: pending[0]?.amount }
}

async function rejection(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  const error = await call.then(
    () => assert.fail('expected an error'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof Stripe.errors.StripeError, String(error))
  return error
}
