import { cidOf, type Evidence, type SignedRecord } from '@hanse/protocol'
import type { ProviderRow } from '../tenants/tenant-store.ts'

export const EVIDENCE_KINDS = ['geoip', 'latency', 'operator'] as const
export type EvidenceKind = (typeof EVIDENCE_KINDS)[number]
export const OUTCOMES = ['supports', 'open', 'contradicts'] as const

/** What was seen of where a provider is. */
export interface StoredEvidence {
  readonly kind: EvidenceKind
  /** That it speaks for, or that it was held against. */
  readonly country: string
  /** What it says of the country that the provider declares. */
  readonly outcome: (typeof OUTCOMES)[number]
  /** A data set with its version, or where an operator's documents are. */
  readonly reference: string
  /** Of latency: the measurements, the nearest landmark's first. */
  readonly pings: readonly SignedRecord[]
  /** Milliseconds since 1970. */
  readonly observedAt: number
  readonly expiresAt: number
}

/** Why nothing is attested of a provider; the words are for its owner. */
export type AttestationRefusal =
  | { readonly reason: 'no-evidence' }
  /** The provider has had the processing of its data restricted. */
  | { readonly reason: 'restricted' }
  | { readonly reason: 'blocked'; readonly why: string }
  | { readonly reason: 'contradicted'; readonly by: EvidenceKind }

export interface Block {
  readonly reason: string
  readonly at: number
  readonly liftedAt: number | null
}

export type Decision =
  | { readonly refusal: AttestationRefusal }
  | {
      readonly evidence: readonly Evidence[]
      /** From when on all of it is known, ms since 1970. */
      readonly since: number
      /** When the first of it is too old. */
      readonly until: number
    }

/** What can be attested of a provider, of all that is known. */
export function decideAttestation(
  { account, payableSince, country, isRestricted }: ProviderRow,
  stored: readonly StoredEvidence[],
  block: Block | undefined,
  now: number,
): Decision {
  if (isRestricted) return { refusal: { reason: 'restricted' } }
  if (block !== undefined && block.liftedAt === null)
    return { refusal: { reason: 'blocked', why: block.reason } }
  const current = stored.filter(({ expiresAt }) => now < expiresAt)
  const against = contradiction(current)
  if (against !== undefined) return { refusal: { reason: 'contradicted', by: against.kind } }
  const found = current.filter((one) => one.outcome === 'supports')
  const paid = account !== null && payableSince !== null
  if (!paid && found.length === 0) return { refusal: { reason: 'no-evidence' } }
  const payout: Evidence[] = paid ? [{ kind: 'payout-account', account, country }] : []
  return {
    evidence: [{ kind: 'declared' }, ...payout, ...found.map(toEvidence)],
    since: Math.max(
      paid ? payableSince : 0,
      block?.liftedAt ?? 0,
      ...found.map(({ observedAt }) => observedAt),
    ),
    until: Math.min(Number.MAX_SAFE_INTEGER, ...found.map(({ expiresAt }) => expiresAt)),
  }
}

/**
 * What says that the provider is elsewhere. An operator who checked documents later outweighs an address: data sets err, and
 * networks are registered where they are not. Nothing outweighs light.
 */
export function contradiction<Seen extends Pick<StoredEvidence, 'kind' | 'outcome' | 'observedAt'>>(
  stored: readonly Seen[],
): Seen | undefined {
  const operator = stored.find((one) => one.kind === 'operator' && one.outcome === 'supports')
  return stored.find(
    ({ kind, outcome, observedAt }) =>
      outcome === 'contradicts' &&
      !(kind === 'geoip' && operator !== undefined && operator.observedAt > observedAt),
  )
}

/** As many as an attestation may cite. */
export const PINGS_MAX = 16

function toEvidence({ kind, country, reference, pings }: StoredEvidence): Evidence {
  switch (kind) {
    case 'geoip':
      return { kind, dataset: reference, country }
    case 'latency':
      return {
        kind,
        pings: pings.slice(0, PINGS_MAX).map(({ bytes }) => cidOf(bytes)),
        country,
      }
    case 'operator':
      return { kind, reference }
  }
}
