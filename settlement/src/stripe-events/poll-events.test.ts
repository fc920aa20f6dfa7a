import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { SettlementStore } from '../db/store.ts'
import { PaymentsError } from '../stripe/index.ts'
import { openTestStore } from '../testing/database-template.ts'
import { CENT } from '../testing/market.ts'
import { openStripeMarket, type StripeMarket } from '../testing/stripe-market.ts'
import { openCheckout } from '../top-ups/checkout.ts'
import { pollStripeEvents } from './poll-events.ts'

const HOUR_MS = 3_600_000

let store: SettlementStore
let market: StripeMarket
beforeAll(async () => {
  store = await openTestStore()
})
afterAll(() => store.close())
beforeEach(async () => {
  await store.executeSql('delete from stripe_cursor')
  market = await openStripeMarket(store)
})
afterEach(() => market[Symbol.asyncDispose]())

/** Paid on a page, and nobody is told. */
async function paidOnPage(organization: string, cents: bigint): Promise<void> {
  const pages = { successUrl: 'https://a.test/yes', cancelUrl: 'https://a.test/no' }
  const request = { organization, cents, ...pages, savePaymentMethod: false }
  const key = { idempotencyKey: `k${cents}` }
  const { checkout } = await openCheckout(market.context, { ...request, ...key })
  await market.double.completeCheckout(checkout ?? '')
}

const available = async (organization: string) => (await store.balance(organization)).available

test('what webhooks missed is taken, once, by however many look at once', async () => {
  const organization = await market.addOrganization()
  await paidOnPage(organization, 500n)
  await Promise.all([1, 2, 3].map(() => pollStripeEvents(market.context)))
  expect(await available(organization)).toBe(500n * CENT)
  expect(await pollStripeEvents(market.context)).toEqual({ taken: 0 })
  // The webhooks that come after all find it done.
  await market.deliver()
  expect(await available(organization)).toBe(500n * CENT)
  const cursors = await store.eventCursors()
  expect(cursors).toMatchObject([
    { list: 'v1', failure: null, polledAt: market.context.now() },
    { list: 'v2', failure: null, taken: 0n },
  ])
  expect(cursors[0]?.taken).toBeGreaterThan(0n)
})

test('a look begins a little before the last one ended', async () => {
  const organization = await market.addOrganization()
  await paidOnPage(organization, 500n)
  await pollStripeEvents(market.context)
  await market.advance(HOUR_MS)
  await paidOnPage(organization, 700n)
  await pollStripeEvents(market.context)
  expect(await available(organization)).toBe(1_200n * CENT)
  const since = market.double.requests
    .filter(({ operation }) => operation === 'Events.list')
    .flatMap(({ params }) => (params as { created?: { lt: string } }).created?.lt ?? [])
    .map(Number)
  expect(Math.max(...since) * 1000).toBeLessThanOrEqual(market.context.now())
})

test('without Stripe nothing is lost, and it is written down', async () => {
  const organization = await market.addOrganization()
  await paidOnPage(organization, 500n)
  for (let i = 0; i < 2; i++) {
    market.double.failNext({ operation: 'Events.list', when: 'before', status: 'drop' })
  }
  await expect(pollStripeEvents(market.context)).rejects.toMatchObject({
    code: 'HANSE_STRIPE_UNAVAILABLE',
  })
  expect(await store.eventCursors()).toMatchObject([
    { list: 'v1', failure: 'HANSE_STRIPE_UNAVAILABLE', polledAt: null },
    // One list that fails does not keep the other from being looked at.
    { list: 'v2', failure: null, polledAt: market.context.now() },
  ])
  await pollStripeEvents(market.context)
  expect(await available(organization)).toBe(500n * CENT)
})

test('an event that cannot be taken stops none of the others, and is tried again', async () => {
  const organization = await market.addOrganization()
  await paidOnPage(organization, 500n)
  let faulty = true
  const payments = {
    ...market.context.payments,
    checkoutState: (id: string) => {
      if (faulty) throw new TypeError('an answer that nobody expected')
      return market.context.payments.checkoutState(id)
    },
  }
  await pollStripeEvents({ ...market.context, payments })
  // Its payment was told by an event of its own.
  expect(await available(organization)).toBe(500n * CENT)
  expect((await store.eventCursors())[0]).toMatchObject({ failure: 'HANSE_INTERNAL' })
  faulty = false
  expect((await pollStripeEvents({ ...market.context, payments })).taken).toBe(1)
  expect((await store.eventCursors())[0]).toMatchObject({ failure: null })
})

test('an event for which Stripe never has an answer stops none of the others', async () => {
  const organization = await market.addOrganization()
  await paidOnPage(organization, 500n)
  const payments = {
    ...market.context.payments,
    checkoutState: () => {
      throw new PaymentsError('HANSE_STRIPE_UNAVAILABLE', 'no answer')
    },
  }
  await market.advance(HOUR_MS)
  await paidOnPage(organization, 700n)
  await pollStripeEvents({ ...market.context, payments })
  expect(await available(organization)).toBe(1_200n * CENT)
  expect((await store.eventCursors())[0]).toMatchObject({ failure: 'HANSE_STRIPE_UNAVAILABLE' })
})

test('of who was erased, what Stripe tells late is known by its id alone', async () => {
  const [gone, stays] = [await market.addOrganization(), await market.addOrganization()]
  for (const organization of [gone, stays]) await paidOnPage(organization, 500n)
  const customerOf = async (organization: string) =>
    (await store.billingCustomer(organization))?.customer ?? ''
  const customers = [await customerOf(gone), await customerOf(stays)]
  await store.executeSql('delete from billing_customer where organization = $1', [gone])
  await pollStripeEvents(market.context)
  const told = await Promise.all(
    customers.map(async (customer) => {
      const { rows } = await store.executeSql(
        `select count(*)::int4 as n from stripe_event where position(convert_to($1, 'UTF8') in body) > 0`,
        [customer],
      )
      return (rows as { n: number }[])[0]?.n
    }),
  )
  expect(told).toEqual([0, expect.any(Number)])
  expect(told[1]).toBeGreaterThan(0)
})
