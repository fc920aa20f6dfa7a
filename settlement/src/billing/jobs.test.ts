import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { requestRefund } from '../refunds/refund.ts'
import { openTestStore } from '../testing/database-template.ts'
import { CENT } from '../testing/market.ts'
import { openStripeMarket, type StripeMarket } from '../testing/stripe-market.ts'
import { topUp } from '../top-ups/top-up.ts'
import { BILLING_JOBS } from './jobs.ts'

let store: SettlementStore
let market: StripeMarket
beforeAll(async () => {
  store = await openTestStore()
})
afterAll(() => store.close())
beforeEach(async () => {
  market = await openStripeMarket(store)
})
afterEach(() => market[Symbol.asyncDispose]())

test('a top-up that cannot be read keeps no refund waiting', async () => {
  const { context, double } = market
  const organization = await market.addOrganization()
  const charge = (paymentMethod: string, idempotencyKey: string) =>
    topUp(context, { organization, cents: 1_000n, paymentMethod, idempotencyKey })
  const paid = await charge('pm_card_bypassPending', 'paid')
  await charge('pm_sepaDebit', 'open')
  double.failNext({ operation: 'Refunds.create', when: 'after', status: 500 })
  const asked = { organization, topUp: paid.id, cents: 400n, idempotencyKey: 'r' }
  await expect(requestRefund(context, asked)).rejects.toThrow()
  await market.advance(600_000)
  const paymentState = () => {
    throw new TypeError('an answer that nobody expected')
  }
  const payments = { ...context.payments, paymentState }
  const job = BILLING_JOBS.find(({ name }) => name === 'payments')
  const run = job?.work({ ...context, payments }, new AbortController().signal)
  await expect(run).rejects.toThrow('an answer that nobody expected')
  expect(await store.balance(organization)).toEqual({ available: 600n * CENT, held: 0n })
})
