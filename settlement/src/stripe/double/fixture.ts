import assert from 'node:assert/strict'
import Stripe from 'stripe'
import { openStripePayments } from '../open-stripe-payments.ts'
import type { Payments } from '../payments.ts'
import { contractFaults } from './check-contract.ts'
import { type StripeDouble, type StripeDoubleOptions, startStripeDouble } from './stripe-double.ts'

export const startMs = Date.UTC(2026, 10, 1)

export interface Fixture extends AsyncDisposable {
  readonly double: StripeDouble
  readonly stripe: Stripe
}

/** A double and the real library. At the end, all its traffic must keep to Stripe's contract. */
export async function openFixture(
  options: Partial<StripeDoubleOptions> = {},
  config: Stripe.StripeConfig = {},
): Promise<Fixture> {
  const double = await startStripeDouble({
    now: () => startMs,
    randomId: (sequence) => `test${String(sequence).padStart(8, '0')}`,
    ...options,
  })
  return {
    double,
    stripe: stripeAt(double, config),
    async [Symbol.asyncDispose]() {
      await double.close()
      assert.deepEqual(await contractFaults(double.requests, double.events()), [])
    },
  }
}

export interface PaymentsFixture extends Fixture {
  readonly payments: Payments
}

export const webhookSecret = 'whsec_hanse'

/** A double and the service's own side of the boundary. */
export async function openPayments(
  options: Partial<StripeDoubleOptions> = {},
): Promise<PaymentsFixture> {
  const fixture = await openFixture(options)
  const payments = openStripePayments({
    secretKey: 'sk_test_hanse',
    webhookSecret,
    host: '127.0.0.1',
    port: fixture.double.port,
    protocol: 'http',
    now: () => fixture.double.now(),
  })
  return { ...fixture, payments }
}

/** The types of all v1 events, oldest first. */
export function eventTypes({ double }: Fixture): string[] {
  return double.events().map((event) => String(Reflect.get(event, 'type')))
}

export function stripeAt(double: StripeDouble, config: Stripe.StripeConfig = {}): Stripe {
  return new Stripe('sk_test_hanse', {
    host: '127.0.0.1',
    port: double.port,
    protocol: 'http',
    telemetry: false,
    maxNetworkRetries: 0,
    ...config,
  })
}

export const recipient = {
  configuration: {
    recipient: { capabilities: { stripe_balance: { stripe_transfers: { requested: true } } } },
  },
  dashboard: 'express',
  defaults: {
    responsibilities: { fees_collector: 'application', losses_collector: 'application' },
  },
  identity: { country: 'DE' },
  include: ['configuration.recipient', 'identity', 'defaults', 'requirements'],
} satisfies Stripe.V2.Core.AccountCreateParams

/** A provider's account that can be paid. */
export async function activeAccount({ double, stripe }: Fixture): Promise<string> {
  const account = await stripe.v2.core.accounts.create(recipient)
  await double.setTransfers(account.id, 'active')
  return account.id
}

/** Puts available money on the platform's balance. */
export function charge(stripe: Stripe, amount: number, paymentMethod = 'pm_card_bypassPending') {
  return stripe.paymentIntents.create({
    amount,
    currency: 'eur',
    confirm: true,
    off_session: true,
    payment_method: paymentMethod,
  })
}

/** Stripe's own rule: the sum of `net` is what is available and pending. */
export async function assertBalanced(stripe: Stripe, accounts: readonly string[]): Promise<void> {
  for (const account of [undefined, ...accounts]) {
    const options = account === undefined ? {} : { stripeAccount: account }
    const list = stripe.balanceTransactions.list({ limit: 100 }, options)
    let net = 0
    for await (const transaction of list) net += transaction.net
    const { available, pending } = await stripe.balance.retrieve({}, options)
    const sum = [...available, ...pending].reduce((total, part) => total + part.amount, 0)
    assert.equal(net, sum, `balance of ${account ?? 'the platform'}`)
  }
}
