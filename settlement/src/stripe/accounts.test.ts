import assert from 'node:assert/strict'
import { test } from 'vitest'
import { openPayments, type PaymentsFixture, startMs } from './double/fixture.ts'

const dayMs = 86_400_000

async function onboarded({ payments }: PaymentsFixture, country = 'DE') {
  const { account } = await payments.createProviderAccount({
    providerId: 'did:key:z6Mk',
    country,
    email: 'provider@example.org',
    operation: `account-${country}`,
  })
  await fetch(await link({ payments }, account, 'onboarding'), { redirect: 'manual' })
  return account
}

function link(
  { payments }: Pick<PaymentsFixture, 'payments'>,
  account: string,
  useCase: 'onboarding' | 'update',
) {
  return payments.onboardingLink({
    account,
    useCase,
    returnUrl: 'http://127.0.0.1/done',
    refreshUrl: 'http://127.0.0.1/again',
    operation: `link-${useCase}`,
  })
}

test('a new account says what is asked of it, and after onboarding nothing is', async () => {
  await using fixture = await openPayments()
  const { payments } = fixture
  const request = { providerId: 'p', country: 'FR', operation: 'account-1' }
  const { account, payable } = await payments.createProviderAccount(request)
  assert.equal(payable, false)
  assert.deepEqual(await payments.accountState(account), {
    payable: false,
    country: 'FR',
    closed: false,
    transfers: 'pending',
    disabledReasons: ['requirements_pending_verification'],
    requirements: [{ what: 'identity.individual', from: 'provider', due: 'currently', errors: [] }],
    deadlineMs: undefined,
  })
  await fetch(await link(fixture, account, 'onboarding'), { redirect: 'manual' })
  const state = await payments.accountState(account)
  assert.deepEqual([state.payable, state.requirements], [true, []])
})

test('what becomes due later stops transfers at its deadline, until it is answered', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const account = await onboarded(fixture)
  const deadlineMs = startMs + 10 * dayMs
  const what = 'identity.individual.verification.document'
  const deadline = new Date(deadlineMs).toISOString()
  await double.requireOf(account, [{ what, due: 'currently_due', deadline }])
  const warned = await payments.accountState(account)
  assert.deepEqual([warned.payable, warned.deadlineMs], [true, deadlineMs])
  await double.advance(10 * dayMs)
  const stopped = await payments.accountState(account)
  assert.deepEqual(
    [stopped.payable, stopped.transfers, stopped.disabledReasons, stopped.requirements[0]?.due],
    [false, 'restricted', ['requirements_past_due'], 'past-due'],
  )
  await fetch(await link(fixture, account, 'update'), { redirect: 'manual' })
  assert.equal((await payments.accountState(account)).payable, true)
})

test('Stripe does not pay everywhere', async () => {
  await using fixture = await openPayments()
  assert.ok(await onboarded(fixture, 'CH'))
  for (const country of ['RU', 'IN', 'TR']) {
    await assert.rejects(onboarded(fixture, country), { code: 'HANSE_STRIPE_REFUSED' })
  }
})

test('an account is closed when it is empty; then nothing can be transferred to it', async () => {
  await using fixture = await openPayments()
  const { payments } = fixture
  const account = await onboarded(fixture)
  await payments.chargeOffSession({
    organization: 'o',
    cents: 10_000n,
    paymentMethod: 'pm_card_bypassPending',
    operation: 'pay',
  })
  const send = (operation: string) =>
    payments.transfer({ account, cents: 1_000n, operation, transferGroup: 'g' })
  const { transfer } = await send('t-1')
  const close = (operation: string) => payments.closeAccount({ account, operation })
  await assert.rejects(close('close-1'), { code: 'HANSE_STRIPE_REFUSED' })
  await payments.reverseTransfer({ transfer, cents: 1_000n, operation: 'r-1' })
  const closed = await close('close-2')
  assert.deepEqual([closed.closed, closed.payable], [true, false])
  await assert.rejects(send('t-2'), { stripeCode: 'insufficient_capabilities_for_transfer' })
  const types: string[] = []
  for await (const { event } of payments.accountEvents({ sinceMs: 0 })) types.push(event.type)
  assert.equal(types.at(0), 'v2.core.account.created')
  assert.equal(types.at(-1), 'v2.core.account.closed')
})

test('a provider who leaves cannot be asked about, and says so on the way', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const account = await onboarded(fixture)
  await double.deauthorize(account)
  await assert.rejects(payments.accountState(account), { stripeCode: 'resource_missing' })
  await assert.rejects(payments.balance(account), { stripeCode: 'account_invalid' })
  const gone = payments.transfer({ account, cents: 1n, operation: 't', transferGroup: 'g' })
  await assert.rejects(gone, { stripeCode: 'resource_missing' })
  const [event] = double.events().slice(-1)
  assert.equal(event && Reflect.get(event, 'type'), 'account.application.deauthorized')
  assert.equal(event && Reflect.get(event, 'account'), account)
})
