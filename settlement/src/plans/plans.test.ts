import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ensureCustomer, setProfile } from '../billing/profile.ts'
import type { SettlementContext } from '../context.ts'
import type { SettlementStore } from '../db/store.ts'
import { paymentMethods } from '../payment-methods/payment-methods.ts'
import { takeEvent } from '../stripe-events/take-event.ts'
import { openTestStore } from '../testing/database-template.ts'
import { CENT } from '../testing/market.ts'
import { openStripeMarket, type StripeMarket } from '../testing/stripe-market.ts'
import { planOnSale } from './catalogue.ts'
import { invoiceCredit } from './invoice-credit.ts'
import { cancelPlan, changePlan, resumePlan, settlePlans, subscribe } from './subscribe.ts'

const DAY_MS = 86_400_000
const starter = planOnSale('starter')
const professional = planOnSale('professional')

describe('the included tokens of an invoice', () => {
  test('are those of a whole period, or of a part as large as what was paid for it', () => {
    expect(invoiceCredit([{ cents: 2_900n, plan: starter }])).toBe(3_000n)
    expect(invoiceCredit([{ cents: 1_450n, plan: starter }])).toBe(1_500n)
    expect(invoiceCredit([{ cents: 2_900n, plan: undefined }])).toBe(0n)
  })

  test('are less what was taken back of another plan, and never less than nothing', () => {
    const change = [
      { cents: -1_450n, plan: starter },
      { cents: 4_950n, plan: professional },
    ]
    expect(invoiceCredit(change)).toBe(5_500n - 1_500n)
    expect(invoiceCredit([{ cents: -9_900n, plan: professional }])).toBe(0n)
  })
})

describe('a plan', () => {
  let store: SettlementStore
  let market: StripeMarket
  beforeAll(async () => {
    store = await openTestStore()
  })
  afterAll(() => store.close())
  beforeEach(async () => {
    // Another Stripe knows other prices.
    await store.executeSql('delete from stripe_catalogue')
    await store.executeSql(`update plan_subscription set status = 'ended'`)
    market = await openStripeMarket(store)
  })
  afterEach(async () => {
    expect((await store.ledgerCheck()).differences).toEqual([])
    await market[Symbol.asyncDispose]()
  })

  const credited = async (organization: string) =>
    (await store.balance(organization)).available / CENT

  async function organizationWith(card = 'pm_card_visa') {
    const organization = await market.addOrganization()
    const customer = await ensureCustomer(market.context, organization)
    const { paymentMethod } = await market.context.payments.savePaymentMethod({
      customer,
      paymentMethod: card,
      asDefault: true,
      operation: `save-${organization}`,
    })
    const join = (plan: 'starter' | 'professional' = 'starter', idempotencyKey = 'k') =>
      subscribe(market.context, { organization, plan, paymentMethod, idempotencyKey })
    return { organization, join }
  }

  test('credits its tokens once for each paid period', async () => {
    const { organization, join } = await organizationWith()
    const [first, again] = [await join(), await join()]
    expect(again.id).toBe(first.id)
    expect(first).toMatchObject({ status: 'active', plan: 'starter' })
    market.double.copyWebhooks(2)
    await market.deliver()
    expect(await credited(organization)).toBe(3_000n)
    await market.advance(32 * DAY_MS)
    await market.deliver()
    expect(await credited(organization)).toBe(6_000n)
    const invoices = await store.planInvoices({ organization, limit: 10 })
    expect(invoices.map(({ creditCents }) => creditCents)).toEqual([3_000n, 3_000n])
    await expect(join('starter', 'another')).rejects.toMatchObject({ code: 'HANSE_PLAN_ACTIVE' })
  })

  test('does not go back to an answer of Stripe that was asked for earlier', async () => {
    const { organization, join } = await organizationWith()
    const { id, subscription, periodStart, periodEnd } = await join()
    const news = {
      id,
      subscription: subscription ?? '',
      plan: null,
      planVersion: null,
      periodStart: periodStart ?? 0,
      periodEnd: periodEnd ?? 0,
      cancelAtPeriodEnd: false,
    }
    const tell = (status: 'active' | 'past_due', at: number) =>
      store.applyEffects([{ kind: 'subscription', news: { ...news, status, at } }])
    const now = market.context.now()
    await tell('active', now + 2_000)
    await tell('past_due', now + 1_000)
    expect(await store.planOf(organization)).toMatchObject({ status: 'active' })
    await tell('past_due', now + 3_000)
    expect(await store.planOf(organization)).toMatchObject({ status: 'past_due' })
  })

  test('whose payment is refunded before it is in the books loses nothing of either', async () => {
    const { organization, join } = await organizationWith('pm_card_bypassPending')
    const { subscription } = await join()
    const { context } = market
    const invoices: string[] = []
    for (let month = 0; month < 2; month++) {
      await market.advance(32 * DAY_MS)
      const state = await context.payments.subscriptionState(subscription ?? '')
      invoices.push(state.latestInvoice ?? '')
    }
    const sinceMs = context.now() - DAY_MS
    for (const invoice of invoices) {
      const { paymentIntent = '' } = await context.payments.invoiceState(invoice)
      await context.payments.refund({ paymentIntent, cents: 1_000n, operation: `by-${invoice}` })
    }
    const told: string[] = []
    for await (const { event, rawBody } of context.payments.events({ sinceMs })) {
      if (event.type !== 'refund.created') continue
      const taken = takeEvent(context, event, rawBody)
      told.push(await taken.then(String, (error: { code: string }) => error.code))
    }
    // The last invoice is found by its plan; the one before it has to be told of first.
    expect(told).toEqual(['HANSE_INTERNAL', 'true'])
    await market.deliver()
    expect(await credited(organization)).toBe(9_000n - 2_000n)
  })

  test('carries the VAT of who pays on top of its price', async () => {
    const seller = { country: 'DE', ossSince: 0 } as SettlementContext['seller'] & object
    const context = { ...market.context, seller }
    const { organization } = await organizationWith()
    await setProfile(context, organization, {
      kind: 'consumer',
      name: 'Jane Doe',
      email: 'jane@example.org',
      line1: 'Rue 1',
      postalCode: '75001',
      city: 'Paris',
      country: 'FR',
    })
    const [saved] = await paymentMethods(context, organization)
    const paymentMethod = saved?.paymentMethod ?? ''
    await subscribe(context, { organization, plan: 'starter', paymentMethod, idempotencyKey: 'k' })
    expect(await store.planInvoices({ organization, limit: 9 })).toMatchObject([
      { cents: 3_480n, vatCents: 580n, creditCents: 3_000n },
    ])
    expect(await credited(organization)).toBe(3_000n)
  })

  test('whose webhooks are lost is credited all the same', async () => {
    const { organization, join } = await organizationWith()
    await join()
    expect(await credited(organization)).toBe(3_000n)
    await market.advance(32 * DAY_MS)
    await settlePlans(market.context)
    expect(await credited(organization)).toBe(6_000n)
  })

  test('that is cancelled lasts until its period ends, and can be resumed before', async () => {
    const { organization, join } = await organizationWith()
    await join()
    expect(await cancelPlan(market.context, organization)).toMatchObject({
      status: 'active',
      cancelAtPeriodEnd: true,
    })
    expect(await resumePlan(market.context, organization)).toMatchObject({
      cancelAtPeriodEnd: false,
    })
    await cancelPlan(market.context, organization)
    await market.advance(32 * DAY_MS)
    await market.deliver()
    expect(await store.planOf(organization)).toMatchObject({ status: 'ended' })
    expect(await credited(organization)).toBe(3_000n)
    // Now there is room for another.
    expect(await join('professional', 'later')).toMatchObject({ plan: 'professional' })
  })

  test('that grows gives the difference when that is paid', async () => {
    const { organization, join } = await organizationWith()
    await join()
    await market.advance(10 * DAY_MS)
    const changed = await changePlan(market.context, organization, 'professional')
    expect(changed).toMatchObject({ plan: 'professional', status: 'active' })
    expect(await credited(organization)).toBe(3_000n)
    await market.advance(22 * DAY_MS)
    await market.deliver()
    const total = await credited(organization)
    // A whole period of the larger one, and about two thirds of the difference.
    expect(total).toBeGreaterThan(3_000n + 11_000n + 4_500n)
    expect(total).toBeLessThan(3_000n + 11_000n + 6_500n)
  })

  test('that shrinks gives less from the next period on, and nobody gains by going back', async () => {
    const { organization, join } = await organizationWith()
    await join('professional')
    await changePlan(market.context, organization, 'starter')
    expect(await credited(organization)).toBe(11_000n)
    await market.advance(32 * DAY_MS)
    await market.deliver()
    expect(await credited(organization)).toBe(14_000n)
  })

  test('that cannot be paid gives nothing, says so, and leaves what was there', async () => {
    const { organization, join } = await organizationWith('pm_card_chargeCustomerFail')
    const row = await join()
    expect(['incomplete', 'refused']).toContain(row.status)
    await market.deliver()
    expect(await credited(organization)).toBe(0n)
  })

  test('whose page was left can be closed, so that there is room for another', async () => {
    const organization = await market.addOrganization()
    const pages = { successUrl: 'https://a.test/yes', cancelUrl: 'https://a.test/no' }
    const ask = (idempotencyKey: string) =>
      subscribe(market.context, { organization, plan: 'starter', idempotencyKey, ...pages })
    await ask('a')
    await expect(ask('b')).rejects.toMatchObject({ code: 'HANSE_PLAN_ACTIVE' })
    expect(await cancelPlan(market.context, organization)).toMatchObject({ status: 'refused' })
    expect(await ask('b')).toMatchObject({ status: 'requested' })
  })

  test('that is paid on a page begins when it is paid', async () => {
    const organization = await market.addOrganization()
    const pages = { successUrl: 'https://a.test/yes', cancelUrl: 'https://a.test/no' }
    const asked = { organization, plan: 'starter', idempotencyKey: 'k', ...pages } as const
    const row = await subscribe(market.context, asked)
    expect(row.checkoutUrl).toContain('http')
    expect(row.status).toBe('requested')
    await market.double.completeCheckout(row.checkout ?? '')
    await market.deliver()
    expect(await store.planOf(organization)).toMatchObject({ status: 'active' })
    expect(await credited(organization)).toBe(3_000n)
  })
})
