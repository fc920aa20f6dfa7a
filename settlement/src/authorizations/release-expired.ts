import type { SettlementContext } from '../context.ts'

/**
 * Gives back what expired authorizations did not spend, once the grace for late receipts has passed.
 *
 * @returns how many were closed
 */
export async function releaseExpired({ store, now, terms }: SettlementContext): Promise<number> {
  let closed = 0
  for (;;) {
    const some = await store.releaseExpired(now() - terms.holdGraceMs, now())
    if (some === 0) return closed
    closed += some
  }
}
