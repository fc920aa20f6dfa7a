import { randomUUID } from 'node:crypto'
import { digestOf } from '../authorizations/authorize.ts'
import { taxOnPayment } from '../billing/tax-on-payment.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { PaymentsError } from '../stripe/index.ts'
import { outcomeOf } from './payment-news.ts'
import type { TopUpRow } from './top-up-store.ts'

export interface TopUpRequest {
  readonly organization: string
  /** What is charged, VAT included. */
  readonly cents: bigint
  readonly paymentMethod: string
  readonly idempotencyKey: string
}

/**
 * Charges a payment method and credits the organization, once for each idempotency key.
 *
 * @throws {SettlementError} HANSE_PAYMENT_FAILED, HANSE_PAYMENTS_UNAVAILABLE, HANSE_IDEMPOTENCY_KEY
 */
export async function topUp(context: SettlementContext, request: TopUpRequest): Promise<TopUpRow> {
  const { organization, cents, paymentMethod, idempotencyKey } = request
  // The row comes first: whatever happens to this process, a webhook finds where the money belongs.
  const row = await context.store.beginTopUp({
    id: `tu-${randomUUID()}`,
    organization,
    idempotencyKey,
    requestDigest: digestOf([cents, paymentMethod]),
    cents,
    paymentMethod,
    ...(await taxOf(context, organization, cents)),
    at: context.now(),
  })
  return row.state === 'succeeded' ? row : chargeTopUp(context, row)
}

/** What of a charge is VAT, as a top-up's row keeps it. */
export async function taxOf(context: SettlementContext, organization: string, cents: bigint) {
  const { vatCents, tax } = await taxOnPayment(context, organization, { grossCents: cents })
  return { vatCents, ...(tax !== null && { tax }) }
}

/**
 * Charges the payment method of a top-up's row, under the row's own id: repeated, it finds what it did.
 *
 * @throws {SettlementError} HANSE_PAYMENT_FAILED, HANSE_PAYMENTS_UNAVAILABLE
 */
export async function chargeTopUp(context: SettlementContext, row: TopUpRow): Promise<TopUpRow> {
  const { store, payments, now } = context
  const { id, organization, cents, paymentMethod } = row
  const finish = async (outcome: Parameters<typeof store.finishTopUp>[0]) => {
    const done = await store.finishTopUp(outcome)
    if (done?.state !== 'failed') return done ?? row
    throw new SettlementError('HANSE_PAYMENT_FAILED', `not paid: ${done.failure ?? 'refused'}`)
  }
  try {
    const customer = (await store.billingCustomer(organization))?.customer ?? undefined
    const paid = await payments.chargeOffSession({
      organization,
      ...(customer !== undefined && { customer }),
      cents,
      paymentMethod: paymentMethod ?? '',
      operation: id,
    })
    return await finish(await outcomeOf(context, id, paid))
  } catch (error) {
    if (!(error instanceof PaymentsError)) throw error
    const options = { cause: error }
    if (error.retryable) {
      throw new SettlementError('HANSE_PAYMENTS_UNAVAILABLE', error.message, options)
    }
    const failure = error.stripeCode ?? error.code
    const refused = { status: 'failed', failure, closed: true } as const
    await store.finishTopUp({ id, paymentIntent: '', cents, at: now(), ...refused })
    throw new SettlementError('HANSE_PAYMENT_FAILED', error.message, options)
  }
}
