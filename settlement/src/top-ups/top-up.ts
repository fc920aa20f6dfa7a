import { randomUUID } from 'node:crypto'
import { digestOf } from '../authorizations/authorize.ts'
import { taxOnPayment } from '../billing/tax-on-payment.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { lookUp } from '../payouts/look-up.ts'
import { PaymentsError } from '../stripe/index.ts'
import { outcomeOf, paymentNews } from './payment-news.ts'
import type { TopUpRow } from './top-up-store.ts'

export interface TopUpRequest {
  readonly organization: string
  /** What is charged, VAT included. */
  readonly cents: bigint
  readonly paymentMethod: string
  readonly idempotencyKey: string
}

/** Stripe answers a repeated request with its first answer for a day; an hour less, for clocks that differ. */
export const KEY_MS = 23 * 3_600_000

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
  if (row.state === 'succeeded') return row
  if (row.paymentIntent !== null) return lookAgain(context, row, row.paymentIntent)
  if (context.now() - row.createdAt <= KEY_MS) return chargeTopUp(context, row)
  // Stripe has forgotten the key and would charge anew.
  if (row.state === 'failed') throw notPaid(row)
  throw new SettlementError('HANSE_PAYMENTS_UNAVAILABLE', 'the outcome is not known')
}

/** How the payment stands that was made before. */
async function lookAgain(
  context: SettlementContext,
  row: TopUpRow,
  paymentIntent: string,
): Promise<TopUpRow> {
  const { store } = context
  try {
    await store.applyEffects(await lookUp(() => paymentNews(context, paymentIntent)))
  } catch (error) {
    if (!(error instanceof PaymentsError)) throw error
    throw new SettlementError('HANSE_PAYMENTS_UNAVAILABLE', error.message, { cause: error })
  }
  const now = (await store.topUp(row.id)) ?? row
  if (now.state === 'failed') throw notPaid(now)
  return now
}

const notPaid = ({ failure }: TopUpRow) =>
  new SettlementError('HANSE_PAYMENT_FAILED', `not paid: ${failure ?? 'refused'}`)

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
    if (done?.state === 'failed') throw notPaid(done)
    return done ?? row
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
    if (isOpen(error, row)) {
      throw new SettlementError('HANSE_PAYMENTS_UNAVAILABLE', error.message, options)
    }
    const failure = error.stripeCode ?? error.code
    const refused = { status: 'failed', failure, closed: true } as const
    await store.finishTopUp({ id, paymentIntent: '', cents, at: now(), ...refused })
    throw new SettlementError('HANSE_PAYMENT_FAILED', error.message, options)
  }
}

/** What Stripe calls it when a key comes with another request than before, or while that one is under way. */
const KEY_USED = new Set(['idempotency_error', 'idempotency_key_in_use'])

/**
 * Whether a fault leaves open what became of the charge. Of an automatic one everything but a decline does: it says
 * nothing of the organization's card, and a wrong key of ours must not pause everybody.
 */
function isOpen({ retryable, code, stripeCode = '' }: PaymentsError, { source }: TopUpRow) {
  if (retryable || KEY_USED.has(stripeCode)) return true
  return source === 'automatic' && code !== 'HANSE_STRIPE_DECLINED'
}
