import { randomUUID } from 'node:crypto'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { PaymentsError } from '../stripe/index.ts'
import { lookUp } from './look-up.ts'
import type { Pacer } from './pacer.ts'
import type { PayoutReversal } from './reversal-store.ts'

export interface ReversalRequest {
  readonly payout: string
  /** Null for all that has not come back. */
  readonly cents: bigint | null
  readonly reason: string
  /** Id of the operator. */
  readonly by: string
  readonly idempotencyKey: string
  /** Puts the provider's payouts on hold. */
  readonly hold: boolean
}

/**
 * Takes a payout back, or a part of it, once for each idempotency key. What the provider's account does not hold any more
 * is a failed reversal: what it owes us is then an adjustment, for two operators.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND, HANSE_PAYOUT_STATE, HANSE_IDEMPOTENCY_KEY
 */
export async function reversePayout(
  context: SettlementContext,
  request: ReversalRequest,
): Promise<PayoutReversal> {
  const { store, now } = context
  const row = await store.beginReversal({ id: `rv-${randomUUID()}`, ...request, at: now() })
  const paid = await store.payout(row.payout)
  if (row.state !== 'submitted') return row
  if (!paid?.transfer) throw new SettlementError('HANSE_INTERNAL', `${row.payout} has no transfer`)
  await ask(context, { ...row, transfer: paid.transfer })
  return (await store.payoutReversal(row.id)) ?? row
}

/** More than this would be an attack on our own books; the next call takes the rest. */
const REVERSALS_MAX = 500

/** Goes on with reversals whose answer never came. A fault of one stops no other: the first is thrown in the end. */
export async function resumeReversals(
  context: SettlementContext,
  pacer: Pacer,
  signal?: AbortSignal,
): Promise<void> {
  const faults: unknown[] = []
  for (const row of await context.store.openReversals(REVERSALS_MAX)) {
    if (signal?.aborted) break
    await pacer.turn()
    await ask(context, row).catch((error: unknown) => faults.push(error))
  }
  if (faults.length > 0) throw faults[0]
}

async function ask(
  { store, payments, now }: SettlementContext,
  { id, transfer, cents }: PayoutReversal & { transfer: string },
): Promise<void> {
  try {
    const request = { transfer, operation: id }
    // Stripe forgets keys after a day, so what was asked before is looked up first.
    const known = await lookUp(() => payments.findReversal(request))
    const { reversal } = known ?? (await payments.reverseTransfer({ ...request, cents }))
    await store.completeReversal(id, reversal, now())
  } catch (error) {
    if (!(error instanceof PaymentsError)) throw error
    if (!error.retryable) await store.failReversal(id, error.code, now())
  }
}
