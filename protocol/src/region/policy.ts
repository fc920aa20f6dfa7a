import { z } from 'zod'
import { region } from '../record/fields.ts'
import type { RegionAttestation } from './attestation.ts'
import { isInRegion, isRegionWithin } from './countries.ts'

/** What of a policy travels in an Order: where a prompt may be processed, and how strong the evidence must be. */
export const residencySchema = z.strictObject({
  /** EU, EEA or country codes; empty means anywhere. */
  allow: z.array(region).max(64),
  minLevel: z.int().min(0).max(4),
})
export type Residency = z.output<typeof residencySchema>

/** As written: the same regions in another order count as another policy. */
export function isSameResidency(a: Residency, b: Residency): boolean {
  return a.minLevel === b.minLevel && a.allow.join() === b.allow.join()
}

/**
 * The policy, narrowed to what a request asks for: it can never widen it. `undefined` when nothing is left, which is not
 * the same as an empty list: that would be anywhere.
 */
export function narrowResidency(
  { allow, minLevel }: Residency,
  asked: Partial<Residency>,
): Residency | undefined {
  const regions = bothOf(allow, asked.allow ?? [])
  if (regions.length === 0 && allow.length > 0) return undefined
  return { allow: regions, minLevel: Math.max(minLevel, asked.minLevel ?? 0) }
}

/** Regions of either list that lie in one of the other; an empty list is anywhere. */
function bothOf(one: readonly string[], other: readonly string[]): string[] {
  if (one.length === 0 || other.length === 0) return [...one, ...other]
  const within = (list: readonly string[], of: readonly string[]) =>
    list.filter((region) => of.some((larger) => isRegionWithin(region, larger)))
  return [...new Set([...within(one, other), ...within(other, one)])]
}

export interface ResidencyPolicy extends Residency {
  /** Peer ids of the attestors whose word counts. */
  readonly trustedAttestors: readonly string[]
}

/** The strict default of EU mode: the 27, with evidence from a trusted attestor. */
export const EU_ONLY: Residency = { allow: ['EU'], minLevel: 3 }
export const ANYWHERE: Residency = { allow: [], minLevel: 0 }

export type ResidencyFault =
  | { readonly reason: 'outside'; readonly country: string }
  | { readonly reason: 'attested-elsewhere'; readonly country: string; readonly attested: string }
  | { readonly reason: 'evidence'; readonly level: number; readonly minLevel: number }

/** The level that trusted, currently valid attestations give to `subject` being in `country`; 0 without any. */
export function provenLevel(
  subject: string,
  country: string,
  attestations: readonly RegionAttestation[],
  trustedAttestors: readonly string[],
  now: number,
): number {
  return validFor(subject, attestations, trustedAttestors, now)
    .filter((attestation) => attestation.country === country)
    .reduce((level, attestation) => Math.max(level, attestation.level), 0)
}

/**
 * Checks a node's country and evidence against a policy. Attestations must already be signature-checked.
 * `undefined` means that the policy is satisfied.
 */
export function checkResidency(
  node: { readonly peerId: string; readonly country: string },
  attestations: readonly RegionAttestation[],
  policy: ResidencyPolicy,
  now: number,
): ResidencyFault | undefined {
  if (
    policy.allow.length > 0 &&
    !policy.allow.some((allowed) => isInRegion(node.country, allowed))
  ) {
    return { reason: 'outside', country: node.country }
  }
  // A trusted attestor who names another country outweighs what the node says of itself.
  const contradiction = validFor(node.peerId, attestations, policy.trustedAttestors, now).find(
    (attestation) => attestation.country !== node.country,
  )
  if (contradiction !== undefined) {
    return { reason: 'attested-elsewhere', country: node.country, attested: contradiction.country }
  }
  const level = provenLevel(node.peerId, node.country, attestations, policy.trustedAttestors, now)
  return level < policy.minLevel
    ? { reason: 'evidence', level, minLevel: policy.minLevel }
    : undefined
}

/** Why a node has no more evidence than it has: what it would take to have more depends on it. */
export type EvidenceGap = 'none' | 'not-trusted' | 'not-yet-valid' | 'expired' | 'too-weak'

/** The best that can be said of a node's attestations. They must already be signature-checked. */
export function evidenceGap(
  subject: string,
  attestations: readonly RegionAttestation[],
  trustedAttestors: readonly string[],
  now: number,
): EvidenceGap {
  const own = attestations.filter((attestation) => attestation.subject === subject)
  const trusted = own.filter(({ issuer }) => trustedAttestors.includes(issuer))
  if (own.length === 0) return 'none'
  if (trusted.length === 0) return 'not-trusted'
  if (trusted.every(({ notAfter }) => notAfter <= now)) return 'expired'
  return trusted.some(({ notBefore, notAfter }) => notBefore <= now && now < notAfter)
    ? 'too-weak'
    : 'not-yet-valid'
}

function validFor(
  subject: string,
  attestations: readonly RegionAttestation[],
  trustedAttestors: readonly string[],
  now: number,
): RegionAttestation[] {
  return attestations.filter(
    (attestation) =>
      attestation.subject === subject &&
      trustedAttestors.includes(attestation.issuer) &&
      attestation.notBefore <= now &&
      now < attestation.notAfter,
  )
}
