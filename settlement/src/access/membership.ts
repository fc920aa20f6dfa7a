import { SettlementError } from '../errors.ts'
import type { Factor } from '../people/session-store.ts'
import type { Role } from './roles.ts'

/** A person's place in an organization, as a session sees it. */
export interface Membership {
  readonly organization: string
  readonly name: string
  readonly role: Role
  /** The organization wants people of this address to come through its issuer. */
  readonly mustUseSso: boolean
  /** An operator has shut the organization. */
  readonly isDisabled: boolean
  /** The organization has had the processing of its data restricted. */
  readonly isRestricted: boolean
  /** This session came through the organization's own issuer. */
  readonly isSso: boolean
}

/** By which a person says in which of their organizations they act. */
export const ORGANIZATION_HEADER = 'hanse-organization'

/**
 * The membership that a session acts in: the one that is asked for, or the only one.
 *
 * @throws {SettlementError} HANSE_NOT_FOUND for one of others as for one that is not there, HANSE_SSO_REQUIRED, and
 * HANSE_REQUEST_INVALID where there are several to choose from
 */
export function chosen(
  memberships: readonly Membership[],
  factors: readonly Factor[],
  wanted: string | string[] | undefined,
): Membership {
  const visible = memberships.filter((membership) => reaches(membership, factors) !== 'no')
  const found =
    wanted === undefined ? visible[0] : visible.find(({ organization }) => organization === wanted)
  if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such organization')
  if (wanted === undefined && visible.length > 1) {
    throw new SettlementError('HANSE_REQUEST_INVALID', `${ORGANIZATION_HEADER}: name one of yours`)
  }
  if (reaches(found, factors) === 'yes') return found
  throw new SettlementError('HANSE_SSO_REQUIRED', 'this organization has its own sign-in')
}

/**
 * Whether a session reaches an organization. What an issuer says counts for the organization that trusts it, and for no
 * other; where the issuer is a must, an owner may still come with a passkey, so that a broken issuer locks nobody out.
 */
export function reaches(
  { role, mustUseSso, isSso }: Membership,
  factors: readonly Factor[],
): 'yes' | 'no' | 'needs-sso' {
  if (isSso) return 'yes'
  if (factors.every((factor) => factor === 'sso')) return 'no'
  if (!mustUseSso) return 'yes'
  return role === 'owner' && factors.includes('passkey') ? 'yes' : 'needs-sso'
}
