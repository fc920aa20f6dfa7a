import type { PeerId } from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { nodeLinkAttempts } from '../people/sign-in-limits.ts'
import { CODE_MS, hashOfTyped, newLinkCode } from './link-code.ts'

export interface GivenCode {
  readonly code: string
  readonly expiresAt: number
}

/** A code for whoever is signed in; the one before is void. */
export async function giveLinkCode(
  { store, now }: Pick<SettlementContext, 'store' | 'now'>,
  person: string,
): Promise<GivenCode> {
  const { code, hash } = newLinkCode()
  const expiresAt = now() + CODE_MS
  await store.putLinkCode({ person, hash, expiresAt })
  return { code, expiresAt }
}

export interface SignedClaim {
  /** Who has signed the request. */
  readonly peerId: PeerId
  readonly code: string
  /** Whom the node means to let in: a code that a stranger has handed to its owner names somebody else. */
  readonly owner: string
  /** Where the request came from, for the limit on guesses. */
  readonly address: string
}

/**
 * Lets a person look after a node: the person has made the code, and the node has signed both that and who the person is.
 *
 * @returns who was let in, and whether they were not before
 * @throws {SettlementError} HANSE_NODE_CODE_INVALID, HANSE_NODE_LINKS_LIMIT, HANSE_RATE_LIMITED
 */
export async function linkNode(
  { store, now }: Pick<SettlementContext, 'store' | 'now'>,
  { peerId, code, owner, address }: SignedClaim,
): Promise<{ readonly person: string; readonly isNew: boolean }> {
  const attempts = nodeLinkAttempts(peerId, address)
  const retryAfterMs = await store.takeSignInAttempt(attempts, now())
  if (retryAfterMs > 0) {
    throw new SettlementError('HANSE_RATE_LIMITED', 'too many codes', { retryAfterMs })
  }
  const hash = hashOfTyped(code)
  if (hash === undefined) throw invalid()
  const email = owner.trim().toLowerCase()
  const linked = await store.linkNode({ hash, email, peerId, at: now() })
  if (linked.outcome === 'unknown') throw invalid()
  if (linked.outcome === 'too-many') {
    throw new SettlementError('HANSE_NODE_LINKS_LIMIT', 'no room for another link')
  }
  const [node, place] = attempts
  await store.forgiveSignInAttempt(node?.subject ?? null, place?.subject ?? null)
  return { person: linked.person, isNew: linked.isNew }
}

/** One answer for each of them: whoever guesses learns nothing. */
const invalid = () =>
  new SettlementError('HANSE_NODE_CODE_INVALID', 'no such code is open for this person')
