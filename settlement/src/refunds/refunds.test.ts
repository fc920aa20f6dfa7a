import { randomUUID } from 'node:crypto'
import { picoEuro } from '@hanse/protocol'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { BANK, VAT } from '../ledger/accounts.ts'
import { pollStripeEvents } from '../stripe-events/poll-events.ts'
import { openTestStore } from '../testing/database-template.ts'
import { CENT } from '../testing/market.ts'
import { openStripeMarket, type StripeMarket } from '../testing/stripe-market.ts'
import { topUp } from '../top-ups/top-up.ts'
import { requestRefund, settleRefunds } from './refund.ts'

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

async function paid(paymentMethod = 'pm_card_bypassPending', cents = 1_000n) {
  const organization = await market.addOrganization()
  const charge = { organization, cents, paymentMethod, idempotencyKey: 'k' }
  const { id } = await topUp(market.context, charge)
  const ask = (part: bigint, idempotencyKey: string) =>
    requestRefund(market.context, { organization, topUp: id, cents: part, idempotencyKey })
  const balance = () => store.balance(organization)
  return { organization, id, ask, balance }
}

test('a top-up goes back in parts, each once for its key, and no more than was paid', async () => {
  const { ask, balance } = await paid()
  const asked = await Promise.all([ask(300n, 'a'), ask(300n, 'a')])
  expect(new Set(asked.map(({ id }) => id)).size).toBe(1)
  expect(await ask(300n, 'a')).toMatchObject({ state: 'succeeded', cents: 300n })
  await expect(ask(301n, 'a')).rejects.toMatchObject({ code: 'HANSE_IDEMPOTENCY_KEY' })
  await expect(ask(701n, 'b')).rejects.toMatchObject({ code: 'HANSE_REFUND_LIMIT' })
  await ask(700n, 'c')
  market.double.copyWebhooks(2)
  await market.deliver()
  expect(await balance()).toEqual({ available: 0n, held: 0n })
})

test('what was spent does not go back, and nobody sees another’s top-up', async () => {
  const { organization, id, ask } = await paid()
  const stranger = await market.addOrganization()
  const asked = { organization: stranger, topUp: id, cents: 1n, idempotencyKey: 'k' }
  await expect(requestRefund(market.context, asked)).rejects.toMatchObject({
    code: 'HANSE_NOT_FOUND',
  })
  await requestRefund(market.context, { ...asked, organization, cents: 900n })
  await expect(ask(101n, 'b')).rejects.toMatchObject({ code: 'HANSE_REFUND_LIMIT' })
})

test('a refund whose answer was lost is held back, then found, and made once', async () => {
  const { organization, ask, balance } = await paid()
  // Made, and answered with a fault of Stripe’s own, which it repeats under the same key.
  market.double.failNext({ operation: 'Refunds.create', when: 'after', status: 500 })
  await expect(ask(400n, 'a')).rejects.toMatchObject({ code: 'HANSE_PAYMENTS_UNAVAILABLE' })
  expect(await balance()).toEqual({ available: 600n * CENT, held: 400n * CENT })
  // Two days later Stripe has forgotten the key.
  await market.advance(2 * 86_400_000)
  await Promise.all([settleRefunds(market.context), settleRefunds(market.context)])
  expect(await balance()).toEqual({ available: 600n * CENT, held: 0n })
  const made = await store.refunds({ organization, limit: 10 })
  expect(made).toMatchObject([{ state: 'succeeded', cents: 400n }])
})

test('a look-up that Stripe refuses says nothing: what was set aside stays so', async () => {
  const { ask, balance } = await paid()
  market.double.failNext({ operation: 'Refunds.create', when: 'after', status: 500 })
  await expect(ask(400n, 'a')).rejects.toMatchObject({ code: 'HANSE_PAYMENTS_UNAVAILABLE' })
  await market.advance(2 * 86_400_000)
  market.double.failNext({ operation: 'Refunds.list', when: 'before', status: 403 })
  await settleRefunds(market.context)
  expect(await balance()).toEqual({ available: 600n * CENT, held: 400n * CENT })
  await settleRefunds(market.context)
  expect(await balance()).toEqual({ available: 600n * CENT, held: 0n })
})

test('a refund that Stripe made though it was taken for refused is in the books, once', async () => {
  const { organization, ask, balance } = await paid()
  market.double.failNext({ operation: 'Refunds.create', when: 'after', status: 500 })
  await expect(ask(400n, 'a')).rejects.toMatchObject({ code: 'HANSE_PAYMENTS_UNAVAILABLE' })
  const [row] = await store.refunds({ organization, limit: 1 })
  await store.refuseRefund(row?.id ?? '', 'refused', market.context.now())
  expect(await balance()).toEqual({ available: 1_000n * CENT, held: 0n })
  market.double.copyWebhooks(2)
  await market.deliver()
  expect(await balance()).toEqual({ available: 600n * CENT, held: 0n })
  expect(await store.refunds({ organization, limit: 9 })).toMatchObject([{ state: 'succeeded' }])
})

test('a refund takes its VAT along, though that was paid on to the tax office', async () => {
  const seller = { country: 'DE', ossSince: 0 } as never
  const context = { ...market.context, seller }
  const organization = await market.addOrganization()
  const charge = { organization, cents: 1_190n, paymentMethod: 'pm_card_bypassPending' }
  const { id, vatCents } = await topUp(context, { ...charge, idempotencyKey: 'k' })
  expect(vatCents).toBe(190n)
  await payOnTax(190n)
  const asked = { organization, topUp: id, cents: 1_190n, idempotencyKey: 'r' }
  expect(await requestRefund(context, asked)).toMatchObject({ vatCents: 190n })
  expect(await store.balance(organization)).toEqual({ available: 0n, held: 0n })
})

test('a refund that the bank sends back is the organization’s again, and it is told', async () => {
  const { organization, ask, balance } = await paid('pm_card_refundFail')
  await ask(500n, 'a')
  expect((await balance()).available).toBe(500n * CENT)
  await market.advance(30 * 86_400_000)
  market.double.copyWebhooks(3)
  await market.deliver()
  expect((await balance()).available).toBe(1_000n * CENT)
  expect(await store.refunds({ organization, limit: 1 })).toMatchObject([{ state: 'failed' }])
  expect(await store.notices({ organization, limit: 9 })).toMatchObject([{ kind: 'refund-failed' }])
  // What came back can go again.
  expect(await ask(1_000n, 'b')).toMatchObject({ cents: 1_000n })
})

test('a refund that somebody made at Stripe is in the books, though no webhook tells of it', async () => {
  const { organization, id, balance } = await paid()
  const { paymentIntent } = (await store.topUp(id)) ?? {}
  const operation = 'somebody'
  await market.context.payments.refund({
    paymentIntent: paymentIntent ?? '',
    cents: 250n,
    operation,
  })
  await pollStripeEvents(market.context)
  expect((await balance()).available).toBe(750n * CENT)
  const [row] = await store.refunds({ organization, limit: 1 })
  expect(row).toMatchObject({ state: 'succeeded', cents: 250n })
})

test('of a refund that somebody made, old news after its failure change nothing', async () => {
  const { organization, id, balance } = await paid()
  const { paymentIntent } = (await store.topUp(id)) ?? {}
  const news = {
    refund: `re_${organization}`,
    operation: null,
    paymentIntent: paymentIntent ?? '',
    cents: 400n,
    failure: null,
    at: market.context.now(),
  }
  for (const status of ['failed', 'pending', 'succeeded'] as const) {
    await store.applyEffects([{ kind: 'refund', news: { ...news, status } }])
  }
  expect((await balance()).available).toBe(1_000n * CENT)
  expect(await store.refunds({ organization, limit: 9 })).toMatchObject([{ state: 'failed' }])
})

async function payOnTax(cents: bigint): Promise<void> {
  const id = `adj-${randomUUID()}`
  const at = market.context.now()
  await store.proposeAdjustment({
    id,
    kind: 'adjustment',
    debit: VAT,
    credit: BANK,
    amount: picoEuro(cents * CENT),
    reason: 'advance return',
    movement: null,
    proposedBy: 'anna',
    proposedAt: at,
    expiresAt: at + 60_000,
  })
  await store.approveAdjustment({ id, by: 'bert', note: null, at })
}
