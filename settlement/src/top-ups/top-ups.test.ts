import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ensureCustomer, setProfile } from '../billing/profile.ts'
import type { SettlementStore } from '../db/store.ts'
import { requestRefund } from '../refunds/refund.ts'
import { openTestStore } from '../testing/database-template.ts'
import { CENT } from '../testing/market.ts'
import { openStripeMarket, type StripeMarket } from '../testing/stripe-market.ts'
import { automaticTopUp } from './automatic-top-up.ts'
import { openCheckout } from './checkout.ts'
import { settleTopUps } from './settle-top-ups.ts'
import { topUp } from './top-up.ts'

const PAGES = { successUrl: 'https://a.test/yes', cancelUrl: 'https://a.test/no' }
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** An operator in Germany who declares other states' consumers in the one-stop shop. */
const SELLER = {
  country: 'DE',
  ossSince: 0,
} as const

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

const available = async (organization: string) => (await store.balance(organization)).available

describe('a checkout', () => {
  const open = (organization: string, idempotencyKey = 'k', savePaymentMethod = false) =>
    openCheckout(market.context, {
      organization,
      cents: 5_000n,
      ...PAGES,
      savePaymentMethod,
      idempotencyKey,
    })

  test('is one page for one key, and credits when it is paid, once', async () => {
    const organization = await market.addOrganization()
    const [first, again] = await Promise.all([open(organization), open(organization)])
    expect(again.checkoutUrl).toBe(first.checkoutUrl)
    await expect(
      openCheckout(market.context, {
        organization,
        cents: 5_001n,
        ...PAGES,
        savePaymentMethod: false,
        idempotencyKey: 'k',
      }),
    ).rejects.toMatchObject({ code: 'HANSE_IDEMPOTENCY_KEY' })
    market.double.copyWebhooks(2)
    await market.double.completeCheckout(first.checkout ?? '')
    expect(await available(organization)).toBe(0n)
    await market.deliver()
    expect(await available(organization)).toBe(5_000n * CENT)
    expect(await store.topUp(first.id)).toMatchObject({ state: 'succeeded' })
    // What Stripe keeps of it is booked too: the books and Stripe's balance agree.
    const { availableCents, pendingCents } = await market.context.payments.balance()
    const paid = await store.topUp(first.id)
    expect(await clearingOf(paid?.paymentIntent ?? '')).toBe((availableCents + pendingCents) * CENT)
  })

  test('credits a bank debit when the money comes, not when the page is left', async () => {
    const organization = await market.addOrganization()
    const row = await open(organization)
    await market.double.completeCheckout(row.checkout ?? '', 'pm_sepaDebit')
    await market.deliver()
    expect(await available(organization)).toBe(0n)
    expect(await store.topUp(row.id)).toMatchObject({ state: 'pending' })
    await market.advance(8 * DAY_MS)
    await market.deliver()
    expect(await available(organization)).toBe(5_000n * CENT)
  })

  test('fails when the bank debit fails, and when the page expires', async () => {
    const organization = await market.addOrganization()
    const debit = await open(organization, 'debit')
    await market.double.completeCheckout(debit.checkout ?? '', 'pm_sepaDebitFails')
    const left = await open(organization, 'left')
    await market.advance(8 * DAY_MS)
    await market.deliver()
    expect(await store.topUp(debit.id)).toMatchObject({ state: 'failed' })
    expect(await store.topUp(left.id)).toMatchObject({ state: 'failed', failure: 'expired' })
    expect(await available(organization)).toBe(0n)
  })

  test('whose webhooks are all lost is found by looking', async () => {
    const organization = await market.addOrganization()
    const row = await open(organization)
    await market.double.completeCheckout(row.checkout ?? '')
    await market.advance(3_600_000)
    await settleTopUps(market.context)
    expect(await available(organization)).toBe(5_000n * CENT)
  })

  test('saves the payment method when asked to', async () => {
    const organization = await market.addOrganization()
    const row = await open(organization, 'k', true)
    await market.double.completeCheckout(row.checkout ?? '')
    await market.deliver()
    const customer = (await store.billingCustomer(organization))?.customer ?? ''
    expect(await market.context.payments.paymentMethods(customer)).toHaveLength(1)
  })
})

describe('a charge', () => {
  test('carries the VAT of who pays, which is set aside', async () => {
    const context = { ...market.context, seller: SELLER as never }
    const organization = await market.addOrganization()
    await setProfile(context, organization, {
      kind: 'consumer',
      name: 'Jane Doe',
      email: 'jane@example.org',
      line1: 'Rue 1',
      postalCode: '75001',
      city: 'Paris',
      country: 'FR',
    })
    const row = await topUp(context, {
      organization,
      cents: 12_000n,
      paymentMethod: 'pm_card_bypassPending',
      idempotencyKey: 'k',
    })
    expect(row).toMatchObject({ state: 'succeeded', cents: 12_000n, vatCents: 2_000n })
    expect(await available(organization)).toBe(10_000n * CENT)
    const profile = await store.billingProfile(organization)
    expect(profile).toMatchObject({ name: 'Jane Doe', version: 1 })
    // What is personal is nowhere in the open.
    const { rows } = await store.executeSql(
      'select * from billing_customer where organization = $1',
      [organization],
    )
    expect(JSON.stringify(rows)).not.toMatch(/Jane|Rue/u)
    await store.eraseSubject(`organization/${organization}`, context.now())
    expect(await store.billingProfile(organization)).toBeUndefined()
  })

  test('that was declined fails at once, and a new one may succeed', async () => {
    const organization = await market.addOrganization()
    const ask = (paymentMethod: string, idempotencyKey: string) =>
      topUp(market.context, { organization, cents: 700n, paymentMethod, idempotencyKey })
    await expect(ask('pm_card_chargeDeclined', 'a')).rejects.toMatchObject({
      code: 'HANSE_PAYMENT_FAILED',
    })
    const [row] = await store.topUps({ organization, limit: 10 })
    expect(row).toMatchObject({ state: 'failed', failure: 'card_declined' })
    expect(await ask('pm_card_visa', 'b')).toMatchObject({ state: 'succeeded' })
  })

  test('cannot be made on what another has saved', async () => {
    const [owner, thief] = [await market.addOrganization(), await market.addOrganization()]
    const { paymentMethod } = await market.context.payments.savePaymentMethod({
      customer: await ensureCustomer(market.context, owner),
      paymentMethod: 'pm_card_visa',
      operation: `save-${owner}`,
    })
    const ask = (idempotencyKey: string) =>
      topUp(market.context, { organization: thief, cents: 700n, paymentMethod, idempotencyKey })
    await expect(ask('a')).rejects.toMatchObject({ code: 'HANSE_PAYMENT_FAILED' })
    await ensureCustomer(market.context, thief)
    await expect(ask('b')).rejects.toMatchObject({ code: 'HANSE_PAYMENT_FAILED' })
    expect(await available(thief)).toBe(0n)
  })

  test('whose process died before it asked is asked for again, once', async () => {
    const organization = await market.addOrganization()
    const at = market.context.now()
    const id = `tu-${organization}`
    const row = { id, organization, idempotencyKey: 'k', requestDigest: 'd', cents: 900n, at }
    await store.beginTopUp({ ...row, paymentMethod: 'pm_card_visa' })
    await market.advance(600_000)
    await Promise.all([settleTopUps(market.context), settleTopUps(market.context)])
    await settleTopUps(market.context)
    expect(await available(organization)).toBe(900n * CENT)
    expect(chargesMade()).toBe(1)
  })

  test('that the bank has not paid yet is not made again when Stripe has forgotten its key', async () => {
    const organization = await market.addOrganization()
    const ask = () =>
      topUp(market.context, {
        organization,
        cents: 900n,
        paymentMethod: 'pm_sepaDebit',
        idempotencyKey: 'k',
      })
    expect(await ask()).toMatchObject({ state: 'pending' })
    await market.advance(25 * HOUR_MS)
    expect(await ask()).toMatchObject({ state: 'pending' })
    await market.advance(8 * DAY_MS)
    expect(await ask()).toMatchObject({ state: 'succeeded' })
    await market.deliver()
    expect(await available(organization)).toBe(900n * CENT)
    expect(chargesMade()).toBe(1)
  })

  test('of which nothing is known after a day is not made again under its key', async () => {
    const organization = await market.addOrganization()
    const ask = () =>
      topUp(market.context, {
        organization,
        cents: 900n,
        paymentMethod: 'pm_card_visa',
        idempotencyKey: 'k',
      })
    loseRequest()
    await expect(ask()).rejects.toMatchObject({ code: 'HANSE_PAYMENTS_UNAVAILABLE' })
    await market.advance(25 * HOUR_MS)
    await expect(ask()).rejects.toMatchObject({ code: 'HANSE_PAYMENTS_UNAVAILABLE' })
    await settleTopUps(market.context)
    await expect(ask()).rejects.toMatchObject({ code: 'HANSE_PAYMENT_FAILED' })
    expect(chargesMade()).toBe(0)
  })

  test('that Stripe made twice is credited twice, each payment once, and each can be refunded', async () => {
    const organization = await market.addOrganization()
    const request = { organization, cents: 900n, paymentMethod: 'pm_card_visa' }
    const first = await topUp(market.context, { ...request, idempotencyKey: 'k' })
    await market.advance(31 * DAY_MS)
    const second = await market.context.payments.chargeOffSession({
      ...request,
      operation: first.id,
    })
    market.double.copyWebhooks(2)
    await market.deliver()
    expect(await available(organization)).toBe(1_800n * CENT)
    const rows = await store.topUps({ organization, limit: 9 })
    expect(new Set(rows.map(({ paymentIntent }) => paymentIntent))).toEqual(
      new Set([first.paymentIntent, second.paymentIntent]),
    )
    const again = rows.find(({ paymentIntent }) => paymentIntent === second.paymentIntent)
    await requestRefund(market.context, {
      organization,
      topUp: again?.id ?? '',
      cents: 900n,
      idempotencyKey: 'r',
    })
    expect(await available(organization)).toBe(900n * CENT)
  })

  test('whose answer was lost is open, though the organization has become a customer since', async () => {
    const organization = await market.addOrganization()
    const ask = () =>
      topUp(market.context, {
        organization,
        cents: 900n,
        paymentMethod: 'pm_card_visa',
        idempotencyKey: 'k',
      })
    market.double.failNext({ operation: 'PaymentIntents.create', when: 'after', status: 503 })
    await expect(ask()).rejects.toMatchObject({ code: 'HANSE_PAYMENTS_UNAVAILABLE' })
    await ensureCustomer(market.context, organization)
    await expect(ask()).rejects.toMatchObject({ code: 'HANSE_PAYMENTS_UNAVAILABLE' })
    expect(await store.topUps({ organization, limit: 9 })).toMatchObject([{ state: 'pending' }])
    await market.deliver()
    expect(await ask()).toMatchObject({ state: 'succeeded' })
    expect(await available(organization)).toBe(900n * CENT)
  })

  test('whose answer was lost does not wait behind those that stay open for days', async () => {
    const organization = await market.addOrganization()
    const at = market.context.now()
    // More than are read at once, and never asked about at Stripe: pages that were never made.
    await store.executeSql(
      `insert into top_up (id, organization, idempotency_key, request_digest, cents, state, source, created_at)
       select 'tu-0' || n, $1, 'page ' || n, '', 100, 'pending', 'checkout', $2 from generate_series(1, 250) n`,
      [organization, new Date(at).toISOString()],
    )
    const lost = { id: `tu-${organization}`, organization, idempotencyKey: 'k', cents: 900n }
    const paymentMethod = 'pm_card_visa'
    await store.beginTopUp({ ...lost, requestDigest: 'd', paymentMethod, at: at + HOUR_MS })
    await market.advance(2 * HOUR_MS)
    await settleTopUps(market.context)
    expect(await available(organization)).toBe(900n * CENT)
    await market.advance(DAY_MS)
    await settleTopUps(market.context)
  })
})

/** The next charge never gets there: the library asks once more where a socket was closed. */
function loseRequest(): void {
  for (let i = 0; i < 2; i++) {
    market.double.failNext({ operation: 'PaymentIntents.create', when: 'before', status: 'drop' })
  }
}

/** Charges that Stripe was asked for and made. */
const chargesMade = () =>
  market.double.requests.filter(
    ({ operation, replayed, status }) =>
      operation === 'PaymentIntents.create' && !replayed && status === 200,
  ).length

describe('an automatic top-up', () => {
  const SETTINGS = { enabled: true, thresholdCents: 1_000n, cents: 2_000n, monthlyCents: 5_000n }

  async function organizationWith(card: string, changes: Partial<typeof SETTINGS> = {}) {
    const organization = await market.addOrganization()
    const customer = await ensureCustomer(market.context, organization)
    const { paymentMethod } = await market.context.payments.savePaymentMethod({
      customer,
      paymentMethod: card,
      operation: `save-${organization}`,
    })
    const settings = { ...SETTINGS, ...changes, paymentMethod }
    await store.setAutomaticTopUp(organization, settings, market.context.now())
    return organization
  }

  test('meets a shortage once, by however many it is seen', async () => {
    const organization = await organizationWith('pm_card_visa')
    const seen = await Promise.all(
      Array.from({ length: 6 }, () => automaticTopUp(market.context, organization)),
    )
    expect(seen.filter((outcome) => outcome === 'charged')).toHaveLength(1)
    expect(seen.filter((outcome) => outcome === 'enough')).toHaveLength(5)
    expect(await available(organization)).toBe(2_000n * CENT)
  })

  test('counts money that is on its way, and asks again when the answer was lost', async () => {
    const organization = await organizationWith('pm_card_visa')
    loseRequest()
    expect(await automaticTopUp(market.context, organization)).toBe('open')
    expect(await automaticTopUp(market.context, organization)).toBe('enough')
    await market.advance(600_000)
    await settleTopUps(market.context)
    expect(await available(organization)).toBe(2_000n * CENT)
  })

  test('by bank debit takes days, in which nothing more is charged', async () => {
    const organization = await organizationWith('pm_sepaDebit')
    expect(await automaticTopUp(market.context, organization)).toBe('open')
    for (let day = 0; day < 6; day++) {
      await market.advance(DAY_MS)
      await settleTopUps(market.context)
      expect(await automaticTopUp(market.context, organization)).toBe('enough')
    }
    await market.advance(3 * DAY_MS)
    await settleTopUps(market.context)
    expect(await available(organization)).toBe(2_000n * CENT)
    expect(await store.topUps({ organization, limit: 9 })).toHaveLength(1)
  })

  test('is not paused by a wrong key of ours, and is made when the key is right', async () => {
    const organization = await organizationWith('pm_card_visa')
    const operation = 'PaymentIntents.create'
    market.double.failNext({ operation, when: 'before', status: 401 })
    expect(await automaticTopUp(market.context, organization)).toBe('open')
    expect(await store.automaticTopUp(organization)).toMatchObject({ failures: 0 })
    await market.advance(600_000)
    await settleTopUps(market.context)
    expect(await available(organization)).toBe(2_000n * CENT)
  })

  test('goes no further than the month allows, and begins anew with the next', async () => {
    const organization = await organizationWith('pm_card_visa', { thresholdCents: 100_000n })
    expect(await automaticTopUp(market.context, organization)).toBe('charged')
    expect(await automaticTopUp(market.context, organization)).toBe('charged')
    expect(await automaticTopUp(market.context, organization)).toBe('capped')
    expect(await automaticTopUp(market.context, organization)).toBe('capped')
    const notices = await store.notices({ organization, limit: 10 })
    expect(notices.map(({ kind }) => kind)).toEqual(['automatic-top-up-capped'])
    await market.advance(31 * DAY_MS)
    expect(await automaticTopUp(market.context, organization)).toBe('charged')
  })

  test('waits longer after each decline, tells of it, and ends after the fifth', async () => {
    const organization = await organizationWith('pm_card_chargeCustomerFail')
    const outcomes: string[] = []
    for (const waitMs of [0, 3_600_000, 6 * 3_600_000, DAY_MS, 3 * DAY_MS]) {
      await market.advance(waitMs)
      outcomes.push(await automaticTopUp(market.context, organization))
      outcomes.push(await automaticTopUp(market.context, organization))
    }
    expect(outcomes).toEqual([
      ...Array.from({ length: 4 }, () => ['declined', 'paused']).flat(),
      'declined',
      'off',
    ])
    await market.deliver()
    const kinds = (await store.notices({ organization, limit: 10 })).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'automatic-top-up-declined')).toHaveLength(5)
    expect(kinds[0]).toBe('automatic-top-up-stopped')
    expect(await store.automaticTopUp(organization)).toMatchObject({ enabled: false, failures: 5 })
  })
})

/** What the ledger says that Stripe holds of a payment. */
async function clearingOf(reference: string): Promise<bigint> {
  const account = 'stripe_clearing/platform'
  const entries = await store.ledgerEntries({ limit: 100, account })
  const mine = entries.filter((entry) => entry.reference === reference)
  return mine.reduce(
    (sum, { debit, amount }) => (debit === account ? sum + amount : sum - amount),
    0n,
  )
}
