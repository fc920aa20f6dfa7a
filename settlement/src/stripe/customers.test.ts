import assert from 'node:assert/strict'
import { test } from 'vitest'
import { eventTypes, openPayments } from './double/fixture.ts'

const address = { line1: 'Kai 1', postalCode: '20457', city: 'Hamburg', country: 'DE' }

test('a customer gets an address, a tax status and VAT ids that are checked later', async () => {
  await using fixture = await openPayments()
  const { payments, double } = fixture
  const { customer } = await payments.createCustomer({
    organization: 'org-1',
    details: { name: 'Kogge', email: 'kogge@example.org' },
    operation: 'customer-1',
  })
  const details = { address, taxExempt: 'reverse' } as const
  const state = await payments.updateCustomer({ customer, details, operation: 'update-1' })
  assert.deepEqual(state, {
    customer,
    deleted: false,
    organization: 'org-1',
    taxExempt: 'reverse',
    country: 'DE',
    defaultPaymentMethod: undefined,
  })
  assert.deepEqual(await payments.customerState(customer), state)
  const good = await payments.addTaxId({ customer, vatId: 'FR000000000', operation: 'vat-1' })
  const bad = await payments.addTaxId({ customer, vatId: 'DE111111111', operation: 'vat-2' })
  assert.deepEqual([good.verification, bad.verification], ['pending', 'pending'])
  await double.advance(60_000)
  const checked = (await payments.taxIds(customer)).map(({ vatId, verification }) => [
    vatId,
    verification,
  ])
  assert.deepEqual(checked, [
    ['DE111111111', 'unverified'],
    ['FR000000000', 'verified'],
  ])
  await payments.removeTaxId({ customer, taxId: bad.taxId })
  assert.equal((await payments.taxIds(customer)).length, 1)
  const wrong = payments.addTaxId({ customer, vatId: '?', operation: 'vat-3' })
  await assert.rejects(wrong, { stripeCode: 'tax_id_invalid' })
})

test('payment methods are saved, made the default, and removed', async () => {
  await using fixture = await openPayments()
  const { payments } = fixture
  const { customer } = await payments.createCustomer({ organization: 'o', operation: 'c' })
  const save = (paymentMethod: string, operation: string) =>
    payments.savePaymentMethod({ customer, paymentMethod, asDefault: true, operation })
  const first = await save('pm_card_visa', 'save-1')
  assert.equal(first.status, 'saved')
  assert.equal((await payments.customerState(customer)).defaultPaymentMethod, first.paymentMethod)
  const second = await save('pm_sepaDebit', 'save-2')
  const found = await payments.paymentMethods(customer)
  assert.deepEqual(
    found.map(({ paymentMethod, type, last4 }) => [paymentMethod, type, last4]),
    [
      [second.paymentMethod, 'sepa_debit', '3000'],
      [first.paymentMethod, 'card', '4242'],
    ],
  )
  await assert.rejects(save('pm_card_chargeDeclined', 'save-3'), { code: 'HANSE_STRIPE_DECLINED' })
  assert.equal((await save('pm_card_authenticationRequired', 'save-4')).status, 'requires-action')
  await payments.removePaymentMethod({ paymentMethod: second.paymentMethod, operation: 'remove' })
  assert.equal((await payments.customerState(customer)).defaultPaymentMethod, undefined)
  assert.equal((await payments.paymentMethods(customer)).length, 1)
})

test('a customer is erased at Stripe, and what was paid stays', async () => {
  await using fixture = await openPayments()
  const { payments } = fixture
  const { customer } = await payments.createCustomer({ organization: 'o', operation: 'c' })
  const paid = await payments.chargeOffSession({
    organization: 'o',
    customer,
    cents: 500n,
    paymentMethod: 'pm_card_visa',
    operation: 'pay',
  })
  await payments.deleteCustomer(customer)
  assert.equal((await payments.customerState(customer)).deleted, true)
  assert.equal((await payments.paymentState(paid.paymentIntent)).customer, customer)
  assert.equal(eventTypes(fixture).at(-1), 'customer.deleted')
})
