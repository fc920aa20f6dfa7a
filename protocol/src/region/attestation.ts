import { z } from 'zod'
import type { PeerId } from '../identity/peer-id.ts'
import { cid, country, peerId, timestamp, word } from '../record/fields.ts'
import { defineRecord } from '../record/record.ts'

/** What an attestor saw. Facts about where something is, not a proof of compliance. */
const evidence = z.discriminatedUnion('kind', [
  /** The subject said so. */
  z.strictObject({ kind: z.literal('declared') }),
  /** The country of a payout account that Stripe verified. */
  z.strictObject({ kind: z.literal('payout-account'), account: word(64), country }),
  /** An observed address looked up in a data set. */
  z.strictObject({ kind: z.literal('geoip'), dataset: word(64), country }),
  /** Round trips to landmarks that leave no place but this country; see landmark.ts. */
  z.strictObject({ kind: z.literal('latency'), pings: z.array(cid).min(1).max(16), country }),
  /** A person checked documents. */
  z.strictObject({ kind: z.literal('operator'), reference: word(128) }),
])
export type Evidence = z.output<typeof evidence>

/** Weakest first. */
export const EVIDENCE_KINDS = [
  'declared',
  'geoip',
  'latency',
  'payout-account',
  'operator',
] as const satisfies readonly Evidence['kind'][]
export type EvidenceKind = Evidence['kind']

const STRENGTH: Record<EvidenceKind, number> = {
  declared: 1,
  geoip: 2,
  latency: 2,
  'payout-account': 3,
  operator: 4,
}

/** The least that each level takes, for people; the place is the level. */
export const LEVEL_MEANINGS = [
  'nothing',
  'its own word',
  'its network’s country or measured round trips',
  'a payout account that Stripe verified',
  'documents that a person checked',
] as const

/** How strong evidence is, 0 (none) to 4: the strongest single piece. Computed from the evidence, never asserted. */
export function evidenceLevel(pieces: readonly Evidence[]): number {
  return pieces.reduce((level, piece) => Math.max(level, STRENGTH[piece.kind]), 0)
}

/** A statement by an attestor about the country of a node; signed in the role `attestor`. */
export const regionAttestation = defineRecord(
  'hanse.region-attestation.v1',
  {
    subject: peerId,
    country,
    evidence: z.array(evidence).min(1).max(8),
    level: z.int().min(1).max(4),
    notBefore: timestamp,
    notAfter: timestamp,
    issuer: peerId,
  },
  {
    check: (value) => {
      if (value.level !== evidenceLevel(value.evidence)) return 'level is not that of the evidence'
      if (value.evidence.some((e) => 'country' in e && e.country !== value.country)) {
        return 'evidence for another country'
      }
      return value.notBefore < value.notAfter ? undefined : 'notAfter is not after notBefore'
    },
  },
)
export type RegionAttestation = ReturnType<typeof regionAttestation.decode>

export const attestationSigners = (value: RegionAttestation) =>
  [{ signer: value.issuer as PeerId, role: 'attestor' }] as const
