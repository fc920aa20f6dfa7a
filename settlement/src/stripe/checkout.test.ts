import assert from 'node:assert/strict'
import { test } from 'vitest'
import type { CheckoutRequest } from './checkout.ts'
import { eventTypes, openPayments, type PaymentsFixture, startMs } from './double/fixture.ts'

const hourMs = 3_600_000
const urls = {
  successUrl: 'http://127.0.0.1/paid?{CHECKOUT_SESSION_ID}',
  cancelUrl: 'http://127.0.0.1/no',
}

async function openCheckout(
  { payments }: PaymentsFixture,
  given: Partial<Extract<CheckoutRequest, { mode: 'payment' }>> = {},
) {
  const { customer } = await payments.createCustomer({ organization: 'org-1', operation: 'c-1' })
  const checkout = await payments.createCheckout({
    mode: 'payment',
    customer,
    organization: 'org-1',
    cents: 5_000n,
    description: 'Credit',
    operation: 'checkout-1',
    ...urls,
    ...given,
  })
  return { ...checkout, customer }
}

const submit = (url: string, paymentMethod: string) =>
  fetch(url, {
    method: 'POST',
    body: new URLSearchParams({ payment_method: paymentMethod }),
    redirect: 'manual',
  })

test('a customer pays on the page and comes back with the session’s id', async () => {
  await using fixture = await openPayments()
  const { payments } = fixture
  const { checkout, url, customer } = await openCheckout(fixture)
  assert.match(await (await fetch(url)).text(), /50\.00 EUR/)
  const answer = await submit(url, 'pm_card_visa')
  assert.equal(answer.headers.get('location'), `http://127.0.0.1/paid?${checkout}`)
  const state = await payments.checkoutState(checkout)
  const { paymentIntent } = state
  assert.ok(paymentIntent !== undefined)
  assert.deepEqual(state, {
    checkout,
    mode: 'payment',
    status: 'complete',
    payment: 'paid',
    cents: 5_000n,
    taxCents: 0n,
    customer,
    paymentIntent,
    setupIntent: undefined,
    subscription: undefined,
    operation: 'checkout-1',
    organization: 'org-1',
  })
  const paid = await payments.paymentState(paymentIntent)
  assert.deepEqual([paid.status, paid.operation], ['succeeded', 'checkout-1'])
  assert.deepEqual(await payments.paymentMethods(customer), [])
  assert.equal((await submit(url, 'pm_card_visa')).status, 410)
  assert.deepEqual(eventTypes(fixture).slice(-3), [
    'charge.succeeded',
    'payment_intent.succeeded',
    'checkout.session.completed',
  ])
})

test('a declined card leaves the page open, and a card that asks its customer is answered there', async () => {
  await using fixture = await openPayments()
  const { payments } = fixture
  const { checkout, url, customer } = await openCheckout(fixture, { savePaymentMethod: true })
  assert.equal((await submit(url, 'pm_card_chargeDeclined')).status, 402)
  assert.equal((await payments.checkoutState(checkout)).status, 'open')
  assert.equal((await submit(url, 'pm_card_authenticationRequired')).status, 303)
  const [saved] = await payments.paymentMethods(customer)
  assert.equal(saved?.last4, '3184')
})

test('a bank debit completes the page unpaid, and pays or fails days later', async () => {
  for (const [method, payment, event] of [
    ['pm_sepaDebit', 'paid', 'checkout.session.async_payment_succeeded'],
    ['pm_sepaDebitFails', 'unpaid', 'checkout.session.async_payment_failed'],
  ] as const) {
    await using fixture = await openPayments()
    const { payments, double } = fixture
    const { checkout } = await openCheckout(fixture)
    assert.equal(await double.completeCheckout(checkout, method), 'complete')
    const unpaid = await payments.checkoutState(checkout)
    assert.deepEqual([unpaid.status, unpaid.payment], ['complete', 'unpaid'])
    await double.advance(8 * 24 * hourMs)
    assert.equal((await payments.checkoutState(checkout)).payment, payment)
    assert.equal(eventTypes(fixture).at(-1), event)
    const { availableCents } = await payments.balance()
    assert.equal(availableCents, payment === 'paid' ? 4_965n : 0n)
  }
})

test('a page expires by the clock or by a call, and is not paid then', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const expiresAtMs = startMs + hourMs
  const { checkout, url } = await openCheckout(fixture, { expiresAtMs })
  await double.advance(hourMs)
  assert.equal((await payments.checkoutState(checkout)).status, 'expired')
  assert.equal((await submit(url, 'pm_card_visa')).status, 410)
  const other = await openCheckout(fixture, { operation: 'checkout-2' })
  const request = { checkout: other.checkout, operation: 'expire-2' }
  assert.equal((await payments.expireCheckout(request)).status, 'expired')
  assert.equal(eventTypes(fixture).filter((type) => type === 'checkout.session.expired').length, 2)
  const late = openCheckout(fixture, { operation: 'checkout-3', expiresAtMs: startMs })
  await assert.rejects(late, { code: 'HANSE_STRIPE_REFUSED' })
})

test('a page in setup mode saves a payment method and takes no money', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const { customer } = await payments.createCustomer({ organization: 'o', operation: 'c' })
  const { checkout } = await payments.createCheckout({
    mode: 'setup',
    customer,
    organization: 'o',
    operation: 'setup',
    ...urls,
  })
  await double.completeCheckout(checkout)
  const state = await payments.checkoutState(checkout)
  assert.deepEqual([state.status, state.payment, state.cents], ['complete', 'not-required', 0n])
  assert.equal((await payments.paymentMethods(customer)).length, 1)
})
