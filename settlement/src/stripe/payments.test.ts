import assert from 'node:assert/strict'
import { test } from 'vitest'
import { amountOfCents, centsOfAmount } from './cents.ts'
import { paymentStatus } from './charges.ts'
import { openPayments, startMs, webhookSecret } from './double/fixture.ts'
import { signatureHeader } from './double/webhook-sender.ts'
import { openStripePayments } from './open-stripe-payments.ts'
import type { Payments } from './payments.ts'
import { PaymentsError, type PaymentsErrorCode } from './payments-error.ts'

async function onboarded(payments: Payments): Promise<string> {
  const { account, payable } = await payments.createProviderAccount({
    providerId: 'did:key:z6Mk',
    country: 'DE',
    operation: 'account-1',
  })
  assert.equal(payable, false)
  const link = await payments.onboardingLink({
    account,
    returnUrl: 'http://127.0.0.1/done',
    refreshUrl: 'http://127.0.0.1/again',
    operation: 'link-1',
  })
  await fetch(link, { redirect: 'manual' })
  return account
}

function topUp(payments: Payments, cents: bigint, paymentMethod = 'pm_card_bypassPending') {
  return payments.chargeOffSession({
    organization: 'org-1',
    cents,
    paymentMethod,
    operation: `t-${cents}`,
  })
}

test('a provider is onboarded, paid, and the transfer is found again', async () => {
  await using opened = await openPayments()
  const { payments } = opened
  const account = await onboarded(payments)
  assert.deepEqual(await payments.accountState(account), {
    payable: true,
    country: 'DE',
    closed: false,
    transfers: 'active',
    disabledReasons: [],
    requirements: [],
    deadlineMs: undefined,
  })
  const paid = await topUp(payments, 10_000n)
  assert.deepEqual(paid, {
    paymentIntent: paid.paymentIntent,
    status: 'succeeded',
    cents: 10_000n,
    customer: undefined,
    charge: paid.charge,
    failureCode: undefined,
    operation: 't-10000',
    organization: 'org-1',
  })
  assert.deepEqual(await payments.paymentState(paid.paymentIntent), paid)
  assert.deepEqual(await payments.balance(), {
    availableCents: 9_825n,
    pendingCents: 0n,
    reservedCents: 0n,
  })
  const request = { account, cents: 2_500n, operation: 'payout-1', transferGroup: 'run-1' }
  const { transfer } = await payments.transfer(request)
  assert.deepEqual(await payments.transfer(request), { transfer })
  const group = { transferGroup: 'run-1' }
  assert.deepEqual(await payments.findTransfer({ ...group, operation: 'payout-1' }), {
    transfer,
    cents: 2_500n,
  })
  assert.equal(await payments.findTransfer({ ...group, operation: 'payout-2' }), undefined)
  await payments.reverseTransfer({ transfer, cents: 500n, operation: 'reverse-1' })
  const movements: string[] = []
  for await (const { type, netCents } of payments.movements({ sinceMs: startMs })) {
    movements.push(`${type} ${netCents}`)
  }
  assert.deepEqual(movements, ['transfer_refund 500', 'transfer -2500', 'charge 9825'])
})

test('a customer is made once per operation', async () => {
  await using opened = await openPayments()
  const request = { organization: 'org-1', operation: 'customer-1' }
  const { customer } = await opened.payments.createCustomer(request)
  assert.deepEqual(await opened.payments.createCustomer(request), { customer })
})

test('every POST carries a key and a mark made from the operation', async () => {
  await using opened = await openPayments()
  await onboarded(opened.payments)
  await topUp(opened.payments, 10_000n)
  const posts = opened.double.requests.filter(({ method }) => method === 'POST')
  assert.deepEqual(
    posts.map(({ idempotencyKey }) => idempotencyKey),
    ['hanse-account-account-1', 'hanse-account-link-link-1', 'hanse-charge-t-10000'],
  )
  assert.match(JSON.stringify(posts[2]?.params), /"hanse_operation":"t-10000"/)
})

test('refusals have stable codes and messages that hold no secret', async () => {
  await using opened = await openPayments()
  const { payments, double } = opened
  const account = await onboarded(payments)
  const declined = await fault(topUp(payments, 5_000n, 'pm_card_chargeDeclined'))
  assertFault(declined, 'HANSE_STRIPE_DECLINED', false)
  assert.equal(declined.stripeCode, 'card_declined')
  const request = { account, cents: 1n, operation: 'payout-1', transferGroup: 'run-1' }
  const poor = await fault(payments.transfer(request))
  assertFault(poor, 'HANSE_STRIPE_BALANCE_INSUFFICIENT', false)
  const missing = await fault(payments.accountState('acct_none'))
  assertFault(missing, 'HANSE_STRIPE_REFUSED', false)
  const wrong = openStripePayments({
    secretKey: 'sk_live_verysecret',
    webhookSecret,
    host: '127.0.0.1',
    port: double.port,
    protocol: 'http',
  })
  const refused = await fault(wrong.balance())
  assertFault(refused, 'HANSE_STRIPE_REFUSED', false)
  assert.equal(refused.cause, undefined)
  assert.ok(!JSON.stringify([refused, refused.message]).includes('verysecret'))
})

test('no answer is retryable, and repeating the operation has one effect', async () => {
  await using opened = await openPayments()
  const { payments, double, stripe } = opened
  const account = await onboarded(payments)
  await topUp(payments, 10_000n)
  const request = { account, cents: 100n, operation: 'payout-1', transferGroup: 'run-1' }
  // The library tries three times; all three answers are lost after the effect.
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const when = attempt === 0 ? 'after' : 'before'
    double.failNext({ operation: 'Transfers.create', when, status: 429 })
  }
  assertFault(await fault(payments.transfer(request)), 'HANSE_STRIPE_UNAVAILABLE', true)
  const { transfer } = await payments.transfer(request)
  const found = await payments.findTransfer({ operation: 'payout-1', transferGroup: 'run-1' })
  assert.deepEqual(found, { transfer, cents: 100n })
  assert.equal((await stripe.transfers.list()).data.length, 1)
  await double.close()
  assertFault(await fault(payments.balance()), 'HANSE_STRIPE_UNAVAILABLE', true)
})

test('a failure that Stripe keeps for the operation is told apart', async () => {
  await using opened = await openPayments()
  const { payments, double } = opened
  const create = () => payments.createCustomer({ organization: 'o', operation: 'c' })
  double.failNext({ operation: 'Customers.create', when: 'after', status: 500 })
  assert.equal((await fault(create())).replayed, false)
  const again = await fault(create())
  assertFault(again, 'HANSE_STRIPE_UNAVAILABLE', true)
  assert.equal(again.replayed, true)
  assert.equal((await opened.stripe.customers.list()).data.length, 1)
})

test('webhooks of both kinds are verified on their bytes', async () => {
  await using opened = await openPayments()
  const { payments } = opened
  const snapshot = {
    id: 'evt_1',
    object: 'event',
    type: 'transfer.created',
    created: 1_700_000_000,
    data: { object: { id: 'tr_1', object: 'transfer' } },
  }
  const signed = (event: object) => {
    const body = JSON.stringify(event)
    return [Buffer.from(body), signatureHeader(body, webhookSecret, startMs)] as const
  }
  assert.deepEqual(payments.verifyWebhook(...signed(snapshot)), {
    kind: 'snapshot',
    id: 'evt_1',
    type: 'transfer.created',
    account: undefined,
    createdMs: 1_700_000_000_000,
    object: { id: 'tr_1', object: 'transfer' },
  })
  const related = { id: 'acct_1', type: 'v2.core.account' }
  const thin = {
    id: 'evt_2',
    object: 'v2.core.event',
    type: 'v2.core.account.created',
    created: '2026-11-01T00:00:00.000Z',
    livemode: false,
    related_object: { ...related, url: '/v2/core/accounts/acct_1' },
  }
  assert.deepEqual(payments.verifyWebhook(...signed(thin)), {
    kind: 'thin',
    id: 'evt_2',
    type: 'v2.core.account.created',
    createdMs: startMs,
    related,
  })
  for (const event of [snapshot, thin]) {
    const [body, signature] = signed(event)
    const changed = Buffer.from(body.toString().replace('_1', '_9'))
    const old = signatureHeader(body.toString(), webhookSecret, startMs - 301_000)
    for (const [bytes, header] of [
      [changed, signature],
      [body, old],
      [body, ''],
    ] as const) {
      assert.throws(() => payments.verifyWebhook(bytes, header), { code: 'HANSE_STRIPE_SIGNATURE' })
    }
  }
})

test('an amount that is not a positive safe integer never leaves', async () => {
  await using opened = await openPayments()
  for (const cents of [0n, -1n, 2n ** 53n]) {
    assert.throws(() => amountOfCents(cents), RangeError)
    await assert.rejects(topUp(opened.payments, cents), RangeError)
  }
  assert.equal(opened.double.requests.length, 0)
  assert.throws(() => centsOfAmount(0.5), RangeError)
  assert.equal(centsOfAmount(-12), -12n)
})

test('a payment that waits for its customer has failed off-session', () => {
  assert.equal(paymentStatus('processing'), 'processing')
  assert.equal(paymentStatus('requires_action'), 'failed')
  assert.equal(paymentStatus('canceled'), 'failed')
})

async function fault(call: Promise<unknown>): Promise<PaymentsError> {
  const error = await call.then(
    () => assert.fail('expected an error'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof PaymentsError, String(error))
  return error
}

function assertFault(error: PaymentsError, code: PaymentsErrorCode, retryable: boolean): void {
  assert.equal(error.code, code)
  assert.equal(error.retryable, retryable)
}
