import assert from 'node:assert/strict'
import { test } from 'vitest'
import { assertBalanced, eventTypes, openPayments, type PaymentsFixture } from './double/fixture.ts'

const dayMs = 86_400_000

async function paid({ payments }: PaymentsFixture, paymentMethod: string, operation = 'pay') {
  return payments.chargeOffSession({ organization: 'o', cents: 10_000n, paymentMethod, operation })
}

test('a payment is refunded in parts and no further; Stripe keeps its fee', async () => {
  await using fixture = await openPayments()
  const { payments, stripe } = fixture
  const { paymentIntent, charge = '' } = await paid(fixture, 'pm_card_bypassPending')
  await paid(fixture, 'pm_card_bypassPending', 'other')
  const first = await payments.refund({ paymentIntent, cents: 4_000n, operation: 'refund-1' })
  assert.equal(first.status, 'succeeded')
  assert.equal(first.charge, charge)
  const again = await payments.refund({ paymentIntent, cents: 4_000n, operation: 'refund-1' })
  assert.equal(again.refund, first.refund)
  const tooMuch = payments.refund({ paymentIntent, cents: 6_001n, operation: 'refund-2' })
  await assert.rejects(tooMuch, { code: 'HANSE_STRIPE_REFUSED' })
  await payments.refund({ paymentIntent, cents: 6_000n, operation: 'refund-3' })
  const none = payments.refund({ paymentIntent, cents: 1n, operation: 'refund-4' })
  await assert.rejects(none, { stripeCode: 'charge_already_refunded' })
  assert.equal((await payments.chargeState(charge)).refundedCents, 10_000n)
  assert.equal((await payments.chargeState(charge)).feeCents, 175n)
  assert.equal((await payments.balance()).availableCents, 9_825n - 175n)
  const found = await payments.findRefund({ paymentIntent, operation: 'refund-3' })
  assert.equal(found?.cents, 6_000n)
  assert.equal(await payments.findRefund({ paymentIntent, operation: 'none' }), undefined)
  await assertBalanced(stripe, [])
})

test('a refund that the customer’s bank sends back fails after it succeeded, and the money returns', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const { paymentIntent, charge = '' } = await paid(fixture, 'pm_card_refundFail')
  await double.advance(2 * dayMs)
  const { refund, status } = await payments.refund({ paymentIntent, cents: 500n, operation: 'r' })
  assert.equal(status, 'succeeded')
  assert.equal((await payments.balance()).availableCents, 9_325n)
  await double.advance(dayMs)
  const failed = await payments.refundState(refund)
  assert.deepEqual([failed.status, failed.failureReason], ['failed', 'expired_or_canceled_card'])
  assert.equal((await payments.balance()).availableCents, 9_825n)
  assert.equal((await payments.chargeState(charge)).refundedCents, 0n)
  assert.ok(eventTypes(fixture).includes('refund.failed'))
  const types: string[] = []
  for await (const movement of payments.movements({ sinceMs: 0 })) {
    types.push(`${movement.type} ${movement.category} ${movement.charge === charge}`)
  }
  assert.deepEqual(types, [
    'refund_failure refund_failure true',
    'refund refund true',
    'charge charge true',
  ])
})

test('a refund waits while the balance is too small', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const { paymentIntent } = await paid(fixture, 'pm_card_visa')
  const { refund, status } = await payments.refund({ paymentIntent, cents: 500n, operation: 'r' })
  assert.equal(status, 'pending')
  assert.equal((await payments.balance()).pendingCents, 9_825n)
  await double.advance(3 * dayMs)
  assert.equal((await payments.refundState(refund)).status, 'succeeded')
  assert.equal((await payments.balance()).availableCents, 9_325n)
})
