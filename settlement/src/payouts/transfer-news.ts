import type { SettlementContext } from '../context.ts'
import type { StripeEvent } from '../stripe/index.ts'
import type { StripeEffect } from '../stripe-events/effect.ts'

/**
 * What came back of a transfer, as it stands now. `transfer.created` is not read: ten thousand payouts would have ten
 * thousand of them looked up, of which we know.
 */
export async function transferEffect(
  { payments, now }: SettlementContext,
  event: StripeEvent,
): Promise<readonly StripeEffect[]> {
  if (event.kind !== 'snapshot' || event.type !== 'transfer.reversed') return []
  const { id } = event.object
  if (id === undefined) return []
  const { operation } = await payments.transferState(id)
  // A transfer that this service did not make has no payout.
  if (operation === undefined) return []
  const reversals = []
  for await (const { reversal, cents, operation: asked } of payments.reversals(id)) {
    reversals.push({ reversal, cents, operation: asked })
  }
  return [{ kind: 'transfer', news: { transfer: id, operation, reversals, at: now() } }]
}
