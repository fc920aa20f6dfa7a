import type { DeletionReason } from '@hanse/protocol'

/** A session that a request for deletion may mean, as the node has it. */
export interface HeldSession {
  /** CID of the order. */
  readonly session: string
  readonly peer: string
  /** CID; undefined where nothing was promised. */
  readonly authorization: string | undefined
  /** Milliseconds since 1970. */
  readonly endedAt: number | undefined
  /** Whether settlement still has to be told of it, or will not hear of it. */
  readonly submission: 'none' | 'waiting' | 'refused'
}

/** What the authorization of a session says, from its signed bytes. */
export interface HeldTerms {
  readonly issuer: string
  /** Until when orders may come under it: none when this node has said that it takes no more. */
  readonly openUntil: number
}

export type Verdict = 'erased' | { readonly reason: DeletionReason; readonly until: number | null }

/** After so long nobody can be sued for the money any more (BGB §§ 195, 199: three years from the end of the year). */
const CLAIM_MS = 4 * 366 * 86_400_000

/**
 * What becomes of a provider’s session: it goes unless it is none of this settlement’s, or the provider could be harmed. An
 * order is taken once because its session is remembered, and an authorization is spent once because its receipts are: both
 * stay while an order may come.
 */
export function judgeSession(
  settlement: string,
  { endedAt, submission }: Pick<HeldSession, 'endedAt' | 'submission'>,
  terms: HeldTerms | undefined,
  now: number,
): Verdict {
  if (terms?.issuer !== settlement) return { reason: 'other-authority', until: null }
  if (endedAt === undefined) return { reason: 'open', until: null }
  if (submission === 'waiting') return { reason: 'unsettled', until: null }
  if (terms.openUntil >= now) return { reason: 'open', until: terms.openUntil }
  if (submission === 'refused' && endedAt + CLAIM_MS >= now)
    return { reason: 'claim', until: endedAt + CLAIM_MS }
  return 'erased'
}
