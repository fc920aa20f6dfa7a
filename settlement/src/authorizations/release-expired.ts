import type { SettlementContext } from '../context.ts'

/**
 * Gives back what expired authorizations did not spend, once the grace for late receipts has passed. Where a session is
 * frozen that grace begins with the operator's decision; without one, the hold goes when no receipt would be settled.
 *
 * @returns how many were closed
 */
export async function releaseExpired({ store, now, terms }: SettlementContext): Promise<number> {
  let closed = 0
  for (;;) {
    const at = now()
    const expired = at - terms.holdGraceMs
    const undecided = at - Math.max(terms.holdGraceMs, terms.receiptGraceMs)
    const some = await store.releaseExpired(expired, at, undecided)
    if (some === 0) return closed
    closed += some
  }
}
