import {
  authorizationRelease,
  openSigned,
  REVOCATIONS_MAX,
  releaseSigners,
  revocationList,
  type SignedRecord,
  signRecord,
} from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { AuthorizationRow } from './authorization-store.ts'

/**
 * Gives the unused hold of an authorization back before its time. A provider may have earned more than it has told of,
 * so its word is needed that it has not; without it, the hold comes free by itself after the expiry and its grace.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND; HANSE_RELEASE_CONSENT without the provider's word
 * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_* when the word is not the provider's
 */
export async function releaseEarly(
  context: SettlementContext,
  organization: string,
  cid: string,
  consent: SignedRecord | null,
): Promise<AuthorizationRow> {
  const { store, signer, network, now } = context
  const row = await ownAuthorization(context, organization, cid)
  if (row.closedAt !== null) return row
  if (consent === null) {
    throw new SettlementError('HANSE_RELEASE_CONSENT', 'the provider may still claim what it holds')
  }
  const opened = openSigned({ network }, authorizationRelease, consent, releaseSigners)
  const { settlement, authorization, provider, claims } = opened.value
  if (
    settlement !== signer.peerId ||
    provider !== row.provider ||
    authorization.toString() !== row.cid
  ) {
    throw new SettlementError('HANSE_RELEASE_CONSENT', 'it is about another authorization')
  }
  return store.releaseByConsent(cid, { cid: opened.cid.toString(), provider, claims }, now())
}

/**
 * The same by the provider itself, whose word needs nobody else's: it can only lower what it may claim.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND; HANSE_RELEASE_CONSENT when it is meant for another settlement
 * @throws {HanseError} HANSE_RECORD_*, HANSE_SIGNATURE_* when the word is not the provider's
 */
export async function releaseByProvider(
  { store, signer, network, now }: SettlementContext,
  signed: SignedRecord,
): Promise<AuthorizationRow> {
  const { cid, value } = openSigned({ network }, authorizationRelease, signed, releaseSigners)
  if (value.settlement !== signer.peerId) {
    throw new SettlementError('HANSE_RELEASE_CONSENT', 'it is for another settlement')
  }
  const { provider, claims } = value
  const consent = { cid: cid.toString(), provider, claims }
  return store.releaseByConsent(value.authorization.toString(), consent, now())
}

/**
 * Asks providers to take no new orders under it. What they accept all the same is paid: a signed promise is not taken
 * back by one side.
 *
 * @param organization whose it must be; null for the operator
 * @throws {SettlementError} HANSE_NOT_FOUND
 */
export const revoke = (
  { store, now }: SettlementContext,
  organization: string | null,
  cid: string,
): Promise<AuthorizationRow> => store.revokeAuthorization(cid, organization, now())

/** For how long one answer is as good as another: so long may caches keep it. */
export const LIST_MS = 60_000

/** The revocations after a number, signed; the same bytes for everyone who asks within a minute. */
export async function revokedSince(
  { store, signer, network, now }: SettlementContext,
  since: bigint,
): Promise<{ list: SignedRecord; until: bigint; more: boolean }> {
  const at = Math.floor(now() / LIST_MS) * LIST_MS
  const { serials, until } = await store.revocationsSince(since, at, REVOCATIONS_MAX)
  const value = { issuer: signer.peerId, since, until, at, serials: [...serials] }
  const list = signRecord({ network }, revocationList, value, 'settlement', signer)
  return { list, until, more: serials.length === REVOCATIONS_MAX }
}

/** @throws {SettlementError} HANSE_NOT_FOUND when it is another's, too */
export async function ownAuthorization(
  { store }: SettlementContext,
  organization: string,
  cid: string,
): Promise<AuthorizationRow> {
  const row = await store.authorization(cid)
  if (row?.organization === organization) return row
  throw new SettlementError('HANSE_NOT_FOUND', `no authorization ${cid}`)
}
