import assert from 'node:assert/strict'
import { test } from 'vitest'
import {
  assertBalanced,
  eventTypes,
  openPayments,
  type PaymentsFixture,
  startMs,
} from './double/fixture.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const month = (index: number) => Date.UTC(2026, 10 + index, 1)

async function prepared({ payments }: PaymentsFixture, paymentMethod = 'pm_card_visa') {
  const { customer } = await payments.createCustomer({ organization: 'org-1', operation: 'c' })
  if (paymentMethod !== '') {
    await payments.savePaymentMethod({
      customer,
      paymentMethod,
      asDefault: true,
      operation: `save-${paymentMethod}`,
    })
  }
  const plan = (name: string, cents: bigint, interval: 'month' | 'year' = 'month') =>
    payments.createPlan({ plan: name, name, cents, interval, operation: `plan-${name}` })
  const subscribe = (price: string, taxRate?: string) =>
    payments.createSubscription({
      customer,
      organization: 'org-1',
      price,
      ...(taxRate !== undefined && { taxRate }),
      operation: 'subscription-1',
    })
  return { customer, plan, subscribe }
}

test('a subscription charges each period with its tax, and rolls on by the clock', async () => {
  await using fixture = await openPayments()
  const { payments, double, stripe } = fixture
  const { customer, plan, subscribe } = await prepared(fixture)
  const { price } = await plan('Starter', 4_900n)
  const { taxRate } = await payments.createTaxRate({
    name: 'USt.',
    percentage: 19,
    country: 'DE',
    operation: 'tax',
  })
  const state = await subscribe(price, taxRate)
  const { subscription, latestInvoice = '' } = state
  assert.deepEqual(state, {
    subscription,
    status: 'active',
    customer,
    price,
    quantity: 1,
    periodStartMs: startMs,
    periodEndMs: month(1),
    cancelAtPeriodEnd: false,
    endedMs: undefined,
    latestInvoice,
    operation: 'subscription-1',
    organization: 'org-1',
  })
  const first = await payments.invoiceState(latestInvoice)
  const { paymentIntent } = first
  assert.deepEqual(first, {
    invoice: latestInvoice,
    number: 'HANSE-0001',
    status: 'paid',
    customer,
    subscription,
    subtotalCents: 4_900n,
    taxCents: 931n,
    totalCents: 5_831n,
    paidCents: 5_831n,
    remainingCents: 0n,
    periodStartMs: startMs,
    periodEndMs: month(1),
    createdMs: startMs,
    attempts: 1,
    nextAttemptMs: undefined,
    paymentIntent,
    lines: [
      {
        description: '1 × Starter',
        cents: 4_900n,
        taxCents: 931n,
        quantity: 1,
        price,
        proration: false,
        periodStartMs: startMs,
        periodEndMs: month(1),
        operation: 'subscription-1',
      },
    ],
    operation: 'subscription-1',
    organization: 'org-1',
  })
  assert.equal((await payments.paymentState(paymentIntent ?? '')).status, 'succeeded')
  await double.advance(month(2) + hourMs - startMs)
  const later = await payments.subscriptionState(subscription)
  assert.deepEqual([later.periodStartMs, later.periodEndMs], [month(2), month(3)])
  const paid: string[] = []
  for await (const { status, totalCents } of payments.invoices({ sinceMs: 0, customer })) {
    paid.push(`${status} ${totalCents}`)
  }
  assert.deepEqual(paid, ['paid 5831', 'paid 5831', 'paid 5831'])
  await assertBalanced(stripe, [])
})

test('a customer who accounts for VAT pays none', async () => {
  await using fixture = await openPayments()
  const { payments } = fixture
  const { customer, plan, subscribe } = await prepared(fixture)
  const details = { taxExempt: 'reverse' } as const
  await payments.updateCustomer({ customer, details, operation: 'reverse' })
  const tax = { name: 'USt.', percentage: 19, country: 'DE', operation: 'tax' }
  const { taxRate } = await payments.createTaxRate(tax)
  const { price } = await plan('Starter', 4_900n)
  const { latestInvoice = '' } = await subscribe(price, taxRate)
  const { totalCents, taxCents } = await payments.invoiceState(latestInvoice)
  assert.deepEqual([totalCents, taxCents], [4_900n, 0n])
})

test('a renewal that is declined is tried again, and the subscription ends when all attempts failed', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const { customer, plan, subscribe } = await prepared(fixture)
  const { price } = await plan('Starter', 4_900n)
  const { subscription } = await subscribe(price)
  await payments.savePaymentMethod({
    customer,
    paymentMethod: 'pm_card_chargeCustomerFail',
    asDefault: true,
    operation: 'worse',
  })
  await double.advance(month(1) + hourMs - startMs)
  const due = await payments.subscriptionState(subscription)
  assert.equal(due.status, 'past_due')
  const failed = await payments.invoiceState(due.latestInvoice ?? '')
  assert.deepEqual(
    [failed.status, failed.attempts, failed.nextAttemptMs],
    ['open', 1, month(1) + hourMs + 3 * dayMs],
  )
  await double.advance(16 * dayMs)
  const ended = await payments.subscriptionState(subscription)
  assert.deepEqual([ended.status, ended.endedMs], ['canceled', month(1) + hourMs + 15 * dayMs])
  assert.equal((await payments.invoiceState(failed.invoice)).attempts, 4)
  const failures = eventTypes(fixture).filter((type) => type === 'invoice.payment_failed')
  assert.equal(failures.length, 4)
  assert.equal(eventTypes(fixture).at(-1), 'customer.subscription.deleted')
})

test('a past due invoice that is paid by hand makes the subscription active again', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const { customer, plan, subscribe } = await prepared(fixture)
  const { price } = await plan('Starter', 4_900n)
  const { subscription } = await subscribe(price)
  await payments.savePaymentMethod({
    customer,
    paymentMethod: 'pm_card_authenticationRequired',
    operation: 'ask',
  })
  await payments.savePaymentMethod({
    customer,
    paymentMethod: 'pm_card_chargeCustomerFail',
    asDefault: true,
    operation: 'worse',
  })
  await double.advance(month(1) + hourMs - startMs)
  const { latestInvoice: invoice = '' } = await payments.subscriptionState(subscription)
  const declined = payments.payInvoice({ invoice, operation: 'pay-1' })
  await assert.rejects(declined, { code: 'HANSE_STRIPE_DECLINED' })
  const paid = await payments.payInvoice({
    invoice,
    paymentMethod: 'pm_card_mastercard',
    operation: 'pay-2',
  })
  assert.equal(paid.status, 'paid')
  assert.equal((await payments.subscriptionState(subscription)).status, 'active')
})

test('without money the first period is incomplete, and expires', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const { plan, subscribe } = await prepared(fixture, '')
  const { price } = await plan('Starter', 4_900n)
  const { subscription, status, latestInvoice = '' } = await subscribe(price)
  assert.equal(status, 'incomplete')
  await double.advance(23 * hourMs)
  assert.equal((await payments.subscriptionState(subscription)).status, 'incomplete_expired')
  assert.equal((await payments.invoiceState(latestInvoice)).status, 'void')
  await double.advance(40 * dayMs)
  assert.equal((await payments.subscriptionState(subscription)).status, 'incomplete_expired')
})

test('a bank debit keeps a subscription active while it settles, and tells when it failed', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const { plan, subscribe } = await prepared(fixture, 'pm_sepaDebitFails')
  const { price } = await plan('Starter', 4_900n)
  const { subscription, status, latestInvoice = '' } = await subscribe(price)
  assert.equal(status, 'active')
  assert.equal((await payments.invoiceState(latestInvoice)).status, 'open')
  const paying = await payments.payInvoice({ invoice: latestInvoice, operation: 'again' })
  assert.deepEqual([paying.status, paying.attempts], ['open', 1])
  await double.advance(8 * dayMs)
  assert.equal((await payments.subscriptionState(subscription)).status, 'past_due')
})

test('a plan changes with the difference on the next invoice, or without it', async () => {
  await using fixture = await openPayments()
  const { payments, double, stripe } = fixture
  const { customer, plan, subscribe } = await prepared(fixture)
  const [small, large, year] = [
    await plan('Starter', 3_000n),
    await plan('Professional', 9_000n),
    await plan('Yearly', 30_000n, 'year'),
  ]
  const { subscription } = await subscribe(small.price)
  await double.advance(15 * dayMs)
  const change = (price: string, prorate: boolean, operation: string) =>
    payments.changePlan({ subscription, price, prorate, operation })
  assert.equal((await change(large.price, true, 'change-1')).price, large.price)
  await payments.addInvoiceItem({
    customer,
    cents: -500n,
    description: 'Goodwill',
    operation: 'credit',
  })
  await double.advance(15 * dayMs + hourMs)
  const { latestInvoice = '' } = await payments.subscriptionState(subscription)
  const invoice = await payments.invoiceState(latestInvoice)
  // Half of November is left: 15.00 back, 45.00 owed, then December and the goodwill.
  assert.deepEqual(
    invoice.lines.map(({ cents, proration }) => [cents, proration]),
    [
      [9_000n, false],
      [-1_500n, true],
      [4_500n, true],
      [-500n, false],
    ],
  )
  assert.equal(invoice.paidCents, 11_500n)
  await change(small.price, false, 'change-2')
  assert.equal((await stripe.invoiceItems.list({ pending: true })).data.length, 0)
  const yearly = await change(year.price, true, 'change-3')
  assert.equal(yearly.periodEndMs, Date.UTC(2027, 11, 1, 1))
  const paid = await payments.invoiceState(yearly.latestInvoice ?? '')
  assert.equal(paid.status, 'paid')
  assert.ok(paid.totalCents < 30_000n && paid.totalCents > 26_000n)
  await payments.retirePrice({ price: large.price, operation: 'retire' })
  await assert.rejects(change(large.price, false, 'change-4'), { code: 'HANSE_STRIPE_REFUSED' })
})

test('a subscription is canceled at the period’s end unless it is resumed, or at once', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const { plan, subscribe } = await prepared(fixture)
  const { price } = await plan('Starter', 3_000n)
  const { subscription } = await subscribe(price)
  const cancel = (when: 'now' | 'period-end', operation: string) =>
    payments.cancelSubscription({ subscription, when, operation })
  assert.equal((await cancel('period-end', 'cancel-1')).cancelAtPeriodEnd, true)
  const resumed = await payments.resumeSubscription({ subscription, operation: 'resume' })
  assert.deepEqual([resumed.cancelAtPeriodEnd, resumed.status], [false, 'active'])
  await cancel('period-end', 'cancel-2')
  await double.advance(month(1) - startMs)
  const ended = await payments.subscriptionState(subscription)
  assert.deepEqual([ended.status, ended.endedMs], ['canceled', month(1)])
  await assert.rejects(cancel('now', 'cancel-3'), { stripeCode: 'resource_missing' })
})

test('a checkout subscribes with the card that was given there', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const { customer, plan } = await prepared(fixture, '')
  const { price } = await plan('Starter', 3_000n)
  const { checkout } = await payments.createCheckout({
    mode: 'subscription',
    price,
    customer,
    organization: 'org-1',
    successUrl: 'http://127.0.0.1/yes',
    cancelUrl: 'http://127.0.0.1/no',
    operation: 'checkout',
  })
  assert.equal(await double.completeCheckout(checkout, 'pm_card_chargeDeclined'), 'declined')
  assert.equal(
    await double.completeCheckout(checkout, 'pm_card_authenticationRequired'),
    'complete',
  )
  const state = await payments.checkoutState(checkout)
  assert.deepEqual([state.payment, state.cents, state.paymentIntent], ['paid', 3_000n, undefined])
  const made = await payments.subscriptionState(state.subscription ?? '')
  assert.deepEqual([made.status, made.operation], ['active', 'checkout'])
})

test('items become an invoice, which is final, paid or void; a credit is kept for the next', async () => {
  await using fixture = await openPayments()
  const { payments } = fixture
  const { customer } = await prepared(fixture)
  const invoiceOf = async (cents: bigint, operation: string) => {
    await payments.addInvoiceItem({ customer, cents, description: 'Usage', operation })
    return payments.createInvoice({ customer, organization: 'org-1', operation })
  }
  const credit = await invoiceOf(-700n, 'a')
  assert.deepEqual([credit.status, credit.totalCents, credit.operation], ['draft', -700n, 'a'])
  const final = await payments.finalizeInvoice({ invoice: credit.invoice, operation: 'a' })
  assert.deepEqual([final.status, final.paidCents], ['paid', 0n])
  const { invoice } = await invoiceOf(2_000n, 'b')
  const open = await payments.finalizeInvoice({ invoice, operation: 'b' })
  assert.deepEqual([open.status, open.number, open.remainingCents], ['open', 'HANSE-0002', 1_300n])
  const paid = await payments.payInvoice({ invoice, operation: 'b' })
  assert.deepEqual([paid.status, paid.paidCents], ['paid', 1_300n])
  const third = await invoiceOf(500n, 'c')
  await payments.finalizeInvoice({ invoice: third.invoice, operation: 'c' })
  const voided = await payments.voidInvoice({ invoice: third.invoice, operation: 'c' })
  assert.equal(voided.status, 'void')
  const url = await payments.portalUrl({
    customer,
    returnUrl: 'http://127.0.0.1/',
    operation: 'portal',
  })
  assert.match(await (await fetch(url)).text(), /HANSE-0002: 20\.00 EUR, paid/)
})
