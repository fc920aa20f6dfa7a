import { randomUUID } from 'node:crypto'
import { digestOf } from '../authorizations/authorize.ts'
import { ensureCustomer } from '../billing/profile.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { PaymentsError } from '../stripe/index.ts'
import { taxOf } from './top-up.ts'
import type { TopUpRow } from './top-up-store.ts'

export interface CheckoutTopUp {
  readonly organization: string
  /** What is charged, VAT included. */
  readonly cents: bigint
  readonly successUrl: string
  readonly cancelUrl: string
  /** Keeps the payment method, for automatic top-ups. */
  readonly savePaymentMethod: boolean
  readonly idempotencyKey: string
}

/**
 * Opens a page of Stripe's where a top-up can be paid in any way that Stripe offers. It is credited when it is paid,
 * which may be days after the page was left.
 *
 * @returns the top-up with the page's address, once for each idempotency key
 * @throws {SettlementError} HANSE_PAYMENT_FAILED, HANSE_PAYMENTS_UNAVAILABLE, HANSE_IDEMPOTENCY_KEY
 */
export async function openCheckout(
  context: SettlementContext,
  request: CheckoutTopUp,
): Promise<TopUpRow> {
  const { organization, cents, successUrl, cancelUrl, savePaymentMethod } = request
  const { store, payments, now } = context
  const row = await store.beginTopUp({
    id: `tu-${randomUUID()}`,
    organization,
    idempotencyKey: request.idempotencyKey,
    requestDigest: digestOf([cents, successUrl, cancelUrl, String(savePaymentMethod)]),
    cents,
    source: 'checkout',
    ...(await taxOf(context, organization, cents)),
    at: now(),
  })
  if (row.state !== 'pending' || row.checkoutUrl !== null) return row
  try {
    const page = await payments.createCheckout({
      mode: 'payment',
      customer: await ensureCustomer(context, organization),
      organization,
      cents,
      description: 'Hanse balance',
      successUrl,
      cancelUrl,
      savePaymentMethod,
      operation: row.id,
    })
    return (await store.setCheckout(row.id, page)) ?? row
  } catch (error) {
    if (!(error instanceof PaymentsError)) throw error
    const code = error.retryable ? 'HANSE_PAYMENTS_UNAVAILABLE' : 'HANSE_PAYMENT_FAILED'
    throw new SettlementError(code, error.message, { cause: error })
  }
}
