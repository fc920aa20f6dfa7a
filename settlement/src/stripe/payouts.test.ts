import assert from 'node:assert/strict'
import { test } from 'vitest'
import {
  activeAccount,
  assertBalanced,
  charge,
  openPayments,
  type PaymentsFixture,
} from './double/fixture.ts'

const dayMs = 86_400_000

/** A provider with 50 euros, on a Sunday. */
async function provider(fixture: PaymentsFixture): Promise<string> {
  const account = await activeAccount(fixture)
  await charge(fixture.stripe, 10_000)
  const request = { account, cents: 5_000n, operation: 'transfer', transferGroup: 'g' }
  await fixture.payments.transfer(request)
  return account
}

async function payoutsOf({ payments }: PaymentsFixture, account?: string) {
  const found = []
  const about = account === undefined ? {} : { account }
  for await (const payout of payments.payouts({ ...about, sinceMs: 0 })) found.push(payout)
  return found
}

async function accountEvents({ payments }: PaymentsFixture, account: string): Promise<string[]> {
  const types: string[] = []
  for await (const { event } of payments.events({ sinceMs: 0, account })) types.push(event.type)
  return types
}

test('what a provider has is paid out the next day, arrives in two, and says what is inside', async () => {
  await using fixture = await openPayments()
  const { payments, double, stripe } = fixture
  const account = await provider(fixture)
  await double.advance(dayMs)
  const [payout] = await payoutsOf(fixture, account)
  assert.deepEqual([payout?.status, payout?.cents, payout?.automatic], ['pending', 5_000n, true])
  assert.equal((await payments.balance(account)).availableCents, 0n)
  await double.advance(3 * dayMs)
  const [paid] = await payoutsOf(fixture, account)
  assert.equal(paid?.status, 'paid')
  assert.deepEqual(await accountEvents(fixture, account), [
    'payout.created',
    'payout.updated',
    'payout.paid',
  ])
  const inside: string[] = []
  const request = { sinceMs: 0, account, payout: paid?.payout ?? '' }
  for await (const { type, netCents } of payments.movements(request)) {
    inside.push(`${type} ${netCents}`)
  }
  assert.deepEqual(inside, ['payout -5000', 'payment 5000'])
  assert.equal((await payoutsOf(fixture)).length, 0)
  await assertBalanced(stripe, [account])
})

test('a payout that was paid fails days later: the money returns and payouts rest until the bank is mended', async () => {
  await using fixture = await openPayments()
  const { payments, double, stripe } = fixture
  const account = await provider(fixture)
  await double.setBank(account, 'sends back')
  await double.advance(4 * dayMs)
  const [paid] = await payoutsOf(fixture, account)
  assert.equal(paid?.status, 'paid')
  await double.advance(5 * dayMs)
  const payout = paid?.payout ?? ''
  const failed = await payments.payoutState({ account, payout })
  assert.deepEqual([failed.status, failed.failureCode], ['failed', 'account_closed'])
  assert.equal((await payments.balance(account)).availableCents, 5_000n)
  assert.equal((await payments.payoutSchedule(account)).enabled, false)
  const blocked = payments.createPayout({ account, cents: 100n, operation: 'p-1' })
  await assert.rejects(blocked, { stripeCode: 'payouts_not_allowed' })
  await double.setBank(account, 'good')
  await double.advance(4 * dayMs)
  assert.deepEqual(
    (await payoutsOf(fixture, account)).map(({ status }) => status),
    ['paid', 'failed'],
  )
  await assertBalanced(stripe, [account])
})

test('a bank may also refuse at once, or a payout be sent back while it is on its way', async () => {
  await using fixture = await openPayments()
  const { double } = fixture
  const account = await provider(fixture)
  await double.setBank(account, 'refuses')
  await double.advance(4 * dayMs)
  assert.equal((await payoutsOf(fixture, account))[0]?.status, 'failed')
  await double.setBank(account, 'good')
  await double.advance(dayMs)
  const [second] = await payoutsOf(fixture, account)
  await double.failPayout(second?.payout ?? '', 'no_account')
  assert.equal((await payoutsOf(fixture, account))[0]?.failureCode, 'no_account')
})

test('the platform is paid out by hand, down to nothing, and can take a payout back', async () => {
  await using fixture = await openPayments()
  const { payments, double, stripe } = fixture
  await charge(stripe, 10_000)
  assert.equal((await payments.payoutSchedule()).interval, 'manual')
  await double.advance(10 * dayMs)
  const poor = payments.createPayout({ cents: 9_826n, operation: 'p-1' })
  await assert.rejects(poor, { code: 'HANSE_STRIPE_BALANCE_INSUFFICIENT' })
  const { payout } = await payments.createPayout({ cents: 2_000n, operation: 'p-2' })
  assert.equal((await payments.createPayout({ cents: 2_000n, operation: 'p-2' })).payout, payout)
  const canceled = await payments.cancelPayout({ payout, operation: 'c-2' })
  assert.equal(canceled.status, 'canceled')
  assert.equal((await payments.balance()).availableCents, 9_825n)
  const schedule = await payments.setPayoutSchedule({
    interval: 'daily',
    minimumCents: 9_000n,
    operation: 's-1',
  })
  assert.deepEqual([schedule.interval, schedule.minimumCents], ['daily', 9_000n])
  await double.advance(2 * dayMs)
  assert.equal((await payments.balance()).availableCents, 9_000n)
  const inside = payments.movements({ sinceMs: 0, payout })
  await assert.rejects(
    async () => {
      for await (const _ of inside);
    },
    { code: 'HANSE_STRIPE_REFUSED' },
  )
  await assertBalanced(stripe, [])
})

test('an account may owe: nothing is paid out, and what comes next pays the debt', async () => {
  await using fixture = await openPayments()
  const { payments, double, stripe } = fixture
  const account = await provider(fixture)
  await double.advance(dayMs)
  await double.adjustBalance(account, -700)
  assert.equal((await payments.balance(account)).availableCents, -700n)
  const request = { account, cents: 1_000n, transferGroup: 'g' }
  const { transfer } = await payments.transfer({ ...request, operation: 't-2' })
  const back = payments.reverseTransfer({ transfer, cents: 1_000n, operation: 'r' })
  await assert.rejects(back, { code: 'HANSE_STRIPE_BALANCE_INSUFFICIENT' })
  await double.advance(dayMs)
  const cents = (await payoutsOf(fixture, account)).map((payout) => payout.cents)
  assert.deepEqual(cents, [300n, 5_000n])
  await assertBalanced(stripe, [account])
})
