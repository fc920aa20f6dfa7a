import { z } from 'zod'
import { region } from '../record/fields.ts'
import { EVIDENCE_KINDS, type EvidenceKind, type RegionAttestation } from './attestation.ts'
import { isInRegion, isRegionWithin } from './countries.ts'

/** What of a policy travels in an Order: where a prompt may be processed, and how strong the evidence must be. */
export const residencySchema = z.strictObject({
  /** EU, EEA or country codes; empty means anywhere. */
  allow: z.array(region).max(64),
  minLevel: z.int().min(0).max(4),
  /** Each of these there must be, whatever the level; absent where none in particular is asked for. */
  evidence: z.array(z.enum(EVIDENCE_KINDS)).min(1).max(EVIDENCE_KINDS.length).exactOptional(),
})
export type Residency = z.output<typeof residencySchema>

/** As written: the same regions in another order count as another policy. */
export function isSameResidency(a: Residency, b: Residency): boolean {
  return (
    a.minLevel === b.minLevel &&
    a.allow.join() === b.allow.join() &&
    a.evidence?.join() === b.evidence?.join()
  )
}

/** Whether anything at all is asked of where a prompt is processed. */
export const asksForPlace = ({ allow, minLevel, evidence }: Residency): boolean =>
  allow.length > 0 || minLevel > 0 || evidence !== undefined

/**
 * The policy, narrowed to what a request asks for: it can never widen it. `undefined` when nothing is left, which is not
 * the same as an empty list: that would be anywhere.
 */
export function narrowResidency(
  { allow, minLevel, evidence = [] }: Residency,
  asked: Partial<Residency>,
): Residency | undefined {
  const regions = bothOf(allow, asked.allow ?? [])
  if (regions.length === 0 && allow.length > 0) return undefined
  const wanted = new Set([...evidence, ...(asked.evidence ?? [])])
  return {
    allow: regions,
    minLevel: Math.max(minLevel, asked.minLevel ?? 0),
    ...(wanted.size > 0 && { evidence: EVIDENCE_KINDS.filter((kind) => wanted.has(kind)) }),
  }
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
  | { readonly reason: 'evidence-kind'; readonly missing: readonly EvidenceKind[] }

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

/** What trusted, currently valid attestations rest on that name `country`. */
export function provenKinds(
  subject: string,
  country: string,
  attestations: readonly RegionAttestation[],
  trustedAttestors: readonly string[],
  now: number,
): ReadonlySet<EvidenceKind> {
  return new Set(
    validFor(subject, attestations, trustedAttestors, now)
      .filter((attestation) => attestation.country === country)
      .flatMap(({ evidence }) => evidence.map(({ kind }) => kind)),
  )
}

/** What is known of where a node is, however it is known. */
export interface Whereabouts {
  readonly country: string
  readonly level: number
  readonly kinds: ReadonlySet<EvidenceKind>
}

/** Holds what is known of a node against a policy. `undefined` means that the policy is satisfied. */
export function whereaboutsFault(
  { country, level, kinds }: Whereabouts,
  { allow, minLevel, evidence = [] }: Residency,
): ResidencyFault | undefined {
  if (allow.length > 0 && !allow.some((allowed) => isInRegion(country, allowed)))
    return { reason: 'outside', country }
  if (level < minLevel) return { reason: 'evidence', level, minLevel }
  const missing = evidence.filter((kind) => !kinds.has(kind))
  return missing.length === 0 ? undefined : { reason: 'evidence-kind', missing }
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
  const { peerId, country } = node
  const { trustedAttestors } = policy
  const valid = validFor(peerId, attestations, trustedAttestors, now)
  const fault = whereaboutsFault(
    {
      country,
      level: provenLevel(peerId, country, valid, trustedAttestors, now),
      kinds: provenKinds(peerId, country, valid, trustedAttestors, now),
    },
    policy,
  )
  if (fault?.reason === 'outside') return fault
  // A trusted attestor who names another country outweighs what the node says of itself.
  const contradiction = valid.find((attestation) => attestation.country !== country)
  if (contradiction === undefined) return fault
  return { reason: 'attested-elsewhere', country, attested: contradiction.country }
}

/** Why a node has no more evidence than it has: what it would take to have more depends on it. */
export const EVIDENCE_GAPS = [
  'none',
  'another-subject',
  'not-trusted',
  'revoked',
  'not-yet-valid',
  'expired',
  'too-weak',
] as const
export type EvidenceGap = (typeof EVIDENCE_GAPS)[number]

/**
 * The best that can be said of a node's attestations. They must already be signature-checked.
 *
 * @param revoked of those that it shows, what their attestors took back
 */
export function evidenceGap(
  subject: string,
  attestations: readonly RegionAttestation[],
  trustedAttestors: readonly string[],
  now: number,
  revoked: readonly RegionAttestation[] = [],
): EvidenceGap {
  const own = attestations.filter((attestation) => attestation.subject === subject)
  const trusted = own.filter(({ issuer }) => trustedAttestors.includes(issuer))
  const isTakenBack = revoked.some(
    (one) => one.subject === subject && trustedAttestors.includes(one.issuer),
  )
  if (trusted.length === 0 && isTakenBack) return 'revoked'
  if (own.length === 0) return attestations.length === 0 ? 'none' : 'another-subject'
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
