import type { Claim } from './claim.ts'

interface Parties {
  readonly consumer: string
  readonly provider: string
}

/**
 * The claim under the key by which its session is stored: the CID of the order, unless another pair's session has that.
 * An order names its pair, but a line of a statement only names an order: without keys of their own, two peers who sign
 * a line with somebody else's order would stand in the way of the real session.
 */
export function claimAs(claim: Claim, sessions: ReadonlyMap<string, Parties>): Claim {
  const holder = sessions.get(claim.session)
  return holder === undefined || isSamePair(holder, claim)
    ? claim
    : { ...claim, session: `${claim.session}~${claim.provider}~${claim.consumer}` }
}

/** The order of a session that is stored under a key of its own. */
export function orderOf(key: string): string | null {
  const end = key.indexOf('~')
  return end === -1 ? null : key.slice(0, end)
}

function isSamePair(a: Parties, b: Parties): boolean {
  return a.consumer === b.consumer && a.provider === b.provider
}
