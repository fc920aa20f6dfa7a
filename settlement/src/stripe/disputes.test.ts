import assert from 'node:assert/strict'
import { test } from 'vitest'
import {
  assertBalanced,
  eventTypes,
  openPayments,
  type PaymentsFixture,
  startMs,
} from './double/fixture.ts'

const dayMs = 86_400_000

async function disputed(fixture: PaymentsFixture): Promise<string> {
  const { payments, stripe } = fixture
  await payments.chargeOffSession({
    organization: 'o',
    cents: 10_000n,
    paymentMethod: 'pm_card_createDispute',
    operation: 'pay',
  })
  const [dispute] = (await stripe.disputes.list()).data
  return dispute?.id ?? ''
}

test('a dispute takes the money and a fee; won, the money comes back and the fee does not', async () => {
  await using fixture = await openPayments()
  const { payments, double, stripe } = fixture
  const dispute = await disputed(fixture)
  const state = await payments.disputeState(dispute)
  assert.deepEqual(state, {
    ...state,
    cents: 10_000n,
    status: 'needs-response',
    reason: 'fraudulent',
    createdMs: startMs,
    withdrawnCents: 12_000n,
    feeCents: 2_000n,
  })
  assert.deepEqual(await payments.balance(), {
    availableCents: -12_000n,
    pendingCents: 9_825n,
    reservedCents: 0n,
  })
  const refund = payments.refund({
    paymentIntent: state.paymentIntent ?? '',
    cents: 1n,
    operation: 'r',
  })
  await assert.rejects(refund, { stripeCode: 'charge_disputed' })
  const statement = 'winning_evidence'
  const sent = await payments.contestDispute({ dispute, statement, operation: 'contest' })
  assert.equal(sent.status, 'under-review')
  await double.advance(1_000)
  const won = await payments.disputeState(dispute)
  assert.deepEqual([won.status, won.withdrawnCents, won.feeCents], ['won', 2_000n, 2_000n])
  assert.equal((await payments.chargeState(won.charge ?? '')).disputed, true)
  assert.deepEqual(
    eventTypes(fixture).filter((type) => type.startsWith('charge.dispute')),
    [
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'charge.dispute.updated',
      'charge.dispute.funds_reinstated',
      'charge.dispute.closed',
    ],
  )
  const categories: string[] = []
  for await (const { type, category, operation, fees } of payments.movements({ sinceMs: 0 })) {
    categories.push([type, category, operation, ...fees.map(({ cents }) => cents)].join(' '))
  }
  assert.deepEqual(categories, [
    'adjustment dispute_reversal ',
    'adjustment dispute  2000',
    'charge charge pay 175',
  ])
  await assertBalanced(stripe, [])
})

test('a dispute is lost when it is accepted, and when nobody answers', async () => {
  for (const how of ['accepted', 'unanswered'] as const) {
    await using fixture = await openPayments()
    const { payments, double } = fixture
    const dispute = await disputed(fixture)
    if (how === 'accepted') await payments.acceptDispute({ dispute, operation: 'accept' })
    else await double.advance(30 * dayMs)
    const lost = await payments.disputeState(dispute)
    assert.deepEqual([lost.status, lost.withdrawnCents], ['lost', 12_000n])
    const late = payments.contestDispute({ dispute, statement: 'x', operation: 'contest' })
    await assert.rejects(late, { code: 'HANSE_STRIPE_REFUSED' })
  }
})

test('an inquiry moves no money; what a test asks for is disputed and decided', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const { charge = '' } = await payments.chargeOffSession({
    organization: 'o',
    cents: 5_000n,
    paymentMethod: 'pm_card_visa',
    operation: 'pay',
  })
  const inquiry = await double.disputeCharge(charge, 'inquiry')
  const open = await payments.disputeState(inquiry)
  assert.deepEqual([open.status, open.withdrawnCents], ['inquiry', 0n])
  const dispute = await double.disputeCharge(charge, 'product_not_received')
  await double.decideDispute(dispute, 'lost')
  await double.decideDispute(dispute, 'won')
  const found: string[] = []
  for await (const { status } of payments.disputes({ sinceMs: 0 })) found.push(status)
  assert.deepEqual(found, ['lost', 'inquiry'])
})
