import type { DisputeState } from '../stripe/index.ts'

/** Where a dispute stands: how far it got, and what of the payment and for the bank has left. */
export interface DisputeStanding {
  readonly status: DisputeState['status']
  readonly withdrawnCents: bigint
  readonly feeCents: bigint
}

/** A dispute goes this way only. A bank that changes its mind does it in the customer's disfavour: lost, then won. */
const ORDER = ['inquiry', 'prevented', 'needs-response', 'under-review', 'lost', 'won'] as const

/**
 * What is known after something was told, whichever is older: news come late, twice and in any order, and never move a
 * dispute back. Until it is won money only leaves for it; then it only returns.
 */
export function mergeDispute(
  known: DisputeStanding | undefined,
  told: DisputeStanding,
): DisputeStanding {
  if (known === undefined) return told
  const ahead = ORDER.indexOf(told.status) - ORDER.indexOf(known.status)
  if (ahead < 0) return known
  if (told.status === 'won' && ahead > 0) return told
  const pick = told.status === 'won' ? least : most
  return {
    status: told.status,
    withdrawnCents: pick(known.withdrawnCents, told.withdrawnCents),
    feeCents: pick(known.feeCents, told.feeCents),
  }
}

const least = (a: bigint, b: bigint) => (a < b ? a : b)
const most = (a: bigint, b: bigint) => (a > b ? a : b)
