import { picoEuro } from '@hanse/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { authorize } from '../authorizations/authorize.ts'
import type { SettlementStore } from '../db/store.ts'
import { openTestStore } from '../testing/database-template.ts'
import { newSigner } from '../testing/deals.ts'
import { addProvider, CENT } from '../testing/market.ts'
import { openStripeMarket, type StripeMarket } from '../testing/stripe-market.ts'
import { topUp } from '../top-ups/top-up.ts'
import { accept, contest, refreshDisputes } from './dispute.ts'
import { type DisputeStanding, mergeDispute } from './merge-dispute.ts'

let store: SettlementStore
let market: StripeMarket
beforeAll(async () => {
  store = await openTestStore()
})
afterAll(() => store.close())
beforeEach(async () => {
  market = await openStripeMarket(store)
})
afterEach(async () => {
  expect((await store.ledgerCheck()).differences).toEqual([])
  await market[Symbol.asyncDispose]()
})

async function paid(cents: bigint) {
  const organization = await market.addOrganization()
  const pay = (amount: bigint, idempotencyKey: string) =>
    topUp(market.context, {
      organization,
      cents: amount,
      paymentMethod: 'pm_card_bypassPending',
      idempotencyKey,
    })
  const { paymentIntent } = await pay(cents, 'first')
  const { charge } = await market.context.payments.paymentState(paymentIntent ?? '')
  const consumer = newSigner().peerId
  await store.bindConsumers(organization, [consumer], market.context.now())
  const provider = (await addProvider(market.context)).peerId
  const spend = (amount: bigint) =>
    authorize(market.context, {
      organization,
      consumer,
      provider,
      limit: picoEuro(amount * CENT),
      lifetimeMs: 60_000,
      idempotencyKey: null,
    })
  return { organization, charge: charge ?? '', pay, spend }
}

test('a disputed payment is taken from what is there, and the rest is owed', async () => {
  const { organization, charge, pay, spend } = await paid(10_000n)
  await spend(9_000n)
  const dispute = await market.double.disputeCharge(charge)
  market.double.copyWebhooks(2)
  await market.deliver()
  const { feeCents } = await market.context.payments.disputeState(dispute)
  expect(await store.balance(organization)).toEqual({ available: 0n, held: 9_000n * CENT })
  expect(await store.debt(organization)).toBe((9_000n + feeCents) * CENT)
  await expect(spend(1n)).rejects.toMatchObject({ code: 'HANSE_ORGANIZATION_IN_DEBT' })
  // What comes in pays the debt first.
  await pay(5_000n, 'second')
  expect(await store.debt(organization)).toBe((4_000n + feeCents) * CENT)
  expect((await store.balance(organization)).available).toBe(0n)
  await pay(4_000n + feeCents + 7n, 'third')
  expect(await store.debt(organization)).toBe(0n)
  expect((await store.balance(organization)).available).toBe(7n * CENT)
  expect(await spend(7n)).toBeDefined()
  expect(await store.notices({ organization, limit: 9 })).toMatchObject([{ kind: 'dispute' }])
  expect(await store.events({ owner: organization, limit: 9 })).toMatchObject([
    { kind: 'dispute.opened', severity: 'urgent', subject: dispute },
  ])
})

test('a dispute that is won gives the money back, and what is owed is paid from it', async () => {
  const { organization, charge, spend } = await paid(10_000n)
  await spend(10_000n)
  const dispute = await market.double.disputeCharge(charge)
  await market.deliver()
  const { feeCents } = await market.context.payments.disputeState(dispute)
  await market.double.decideDispute(dispute, 'won')
  await market.deliver()
  const kept = await market.context.payments.disputeState(dispute)
  expect(kept).toMatchObject({ status: 'won' })
  expect(await store.debt(organization)).toBe(kept.feeCents * CENT)
  expect(feeCents).toBeGreaterThan(0n)
  expect(await store.dispute(dispute)).toMatchObject({ status: 'won', withdrawnCents: 0n })
})

test('a dispute that no webhook told of is found', async () => {
  const { organization, charge } = await paid(10_000n)
  const dispute = await market.double.disputeCharge(charge)
  await market.double.decideDispute(dispute, 'lost')
  expect(await refreshDisputes(market.context)).toBe(1)
  expect(await store.dispute(dispute)).toMatchObject({ status: 'lost', withdrawnCents: 10_000n })
  expect((await store.balance(organization)).available).toBe(0n)
})

test('an operator answers the bank, or gives in', async () => {
  const first = await paid(1_000n)
  const [contested, accepted] = [
    await market.double.disputeCharge(first.charge),
    await market.double.disputeCharge((await paid(2_000n)).charge),
  ]
  await market.deliver()
  expect(await contest(market.context, contested, 'It was used.')).toMatchObject({
    status: 'under-review',
  })
  expect(await accept(market.context, accepted)).toMatchObject({ status: 'lost' })
  await expect(accept(market.context, 'dp_none')).rejects.toMatchObject({ code: 'HANSE_NOT_FOUND' })
})

test('news in any order end where the last of them stands', () => {
  const standing = (status: DisputeStanding['status'], withdrawnCents: bigint, feeCents: bigint) =>
    ({ status, withdrawnCents, feeCents }) satisfies DisputeStanding
  const life = [
    standing('inquiry', 0n, 0n),
    standing('needs-response', 500n, 20n),
    standing('under-review', 500n, 20n),
    standing('lost', 500n, 20n),
    standing('won', 0n, 20n),
  ]
  for (let last = 1; last <= life.length; last++) {
    const told = life.slice(0, last)
    for (const order of permutations(told)) {
      const end = order.reduce<DisputeStanding | undefined>(mergeDispute, undefined)
      expect(end).toEqual(told.at(-1))
    }
  }
})

function permutations<Item>(items: readonly Item[]): Item[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, i) =>
    permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]),
  )
}
