import { randomUUID } from 'node:crypto'
import { digestOf } from '../authorizations/authorize.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { PaymentsError, type StripeEvent } from '../stripe/index.ts'
import type { StripeEffect } from '../stripe-events/effect.ts'
import type { TopUpRow } from './top-up-store.ts'

export interface TopUpRequest {
  readonly organization: string
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
  const { store, payments, now } = context
  const { organization, cents, paymentMethod, idempotencyKey } = request
  // The row comes first: whatever happens to this process, a webhook finds where the money belongs.
  const row = await store.beginTopUp({
    id: `tu-${randomUUID()}`,
    organization,
    idempotencyKey,
    requestDigest: digestOf([cents, paymentMethod]),
    cents,
    at: now(),
  })
  if (row.state === 'succeeded') return row
  try {
    const operation = row.id
    const paid = await payments.chargeOffSession({ organization, cents, paymentMethod, operation })
    const done = await store.finishTopUp({ ...paid, id: row.id, at: now() })
    if (done?.state === 'failed') throw new SettlementError('HANSE_PAYMENT_FAILED', 'not paid')
    return done ?? row
  } catch (error) {
    if (!(error instanceof PaymentsError)) throw error
    if (error.retryable) {
      throw new SettlementError('HANSE_PAYMENTS_UNAVAILABLE', error.message, { cause: error })
    }
    throw new SettlementError('HANSE_PAYMENT_FAILED', error.message, { cause: error })
  }
}

const PAYMENT_EVENTS = /^payment_intent\.(?:succeeded|payment_failed|canceled)$/u

/**
 * What a payment event says now. The intent is fetched: events arrive late, twice and out of order, and only the
 * present state counts.
 */
export async function paymentEffect(
  { payments, now }: SettlementContext,
  event: StripeEvent,
): Promise<readonly StripeEffect[]> {
  if (event.kind !== 'snapshot' || !PAYMENT_EVENTS.test(event.type)) return []
  const { id } = event.object
  if (id === undefined) return []
  const { operation, paymentIntent, cents, status } = await payments.paymentState(id)
  // A payment that this service did not make has no row to credit.
  if (operation === undefined) return []
  return [{ kind: 'top-up', outcome: { id: operation, paymentIntent, cents, status, at: now() } }]
}
