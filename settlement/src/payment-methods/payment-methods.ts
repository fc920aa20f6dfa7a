import { randomUUID } from 'node:crypto'
import { ensureCustomer } from '../billing/profile.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { SavedPaymentMethod } from '../stripe/index.ts'

// Cards and accounts stay at Stripe: nothing of them is kept here, and who asks is shown what Stripe has.

export interface ListedMethod extends SavedPaymentMethod {
  /** What plans are charged to. */
  readonly isDefault: boolean
}

export async function paymentMethods(
  context: SettlementContext,
  organization: string,
): Promise<ListedMethod[]> {
  const { store, payments } = context
  const customer = (await store.billingCustomer(organization))?.customer
  if (customer == null) return []
  const { defaultPaymentMethod } = await payments.customerState(customer)
  const saved = await payments.paymentMethods(customer)
  return saved.map((method) => ({
    ...method,
    isDefault: method.paymentMethod === defaultPaymentMethod,
  }))
}

/**
 * Opens a page of Stripe's where a payment method can be saved.
 *
 * @returns the page's address
 */
export async function openSetup(
  context: SettlementContext,
  organization: string,
  pages: { readonly successUrl: string; readonly cancelUrl: string },
): Promise<string> {
  const { url } = await context.payments.createCheckout({
    mode: 'setup',
    customer: await ensureCustomer(context, organization),
    organization,
    ...pages,
    operation: `setup-${randomUUID()}`,
  })
  return url
}

/** @throws {SettlementError} HANSE_NOT_FOUND when it is not the organization's */
export async function setDefaultMethod(
  context: SettlementContext,
  organization: string,
  paymentMethod: string,
): Promise<void> {
  const customer = await ownMethod(context, organization, paymentMethod)
  const operation = `default-${randomUUID()}`
  await context.payments.setDefaultPaymentMethod({ customer, paymentMethod, operation })
}

/** What is charged to it fails from now on. @throws {SettlementError} HANSE_NOT_FOUND when it is not the organization's */
export async function removeMethod(
  context: SettlementContext,
  organization: string,
  paymentMethod: string,
): Promise<void> {
  await ownMethod(context, organization, paymentMethod)
  const operation = `remove-${randomUUID()}`
  await context.payments.removePaymentMethod({ paymentMethod, operation })
}

/** @returns Stripe's customer of the organization */
export async function ownMethod(
  { store, payments }: SettlementContext,
  organization: string,
  paymentMethod: string,
): Promise<string> {
  const customer = (await store.billingCustomer(organization))?.customer
  const saved = customer == null ? [] : await payments.paymentMethods(customer)
  if (customer == null || !saved.some((method) => method.paymentMethod === paymentMethod)) {
    throw new SettlementError('HANSE_NOT_FOUND', 'no such saved payment method')
  }
  return customer
}
