import { LEVEL_MEANINGS, type RegionAttestation } from './attestation.ts'
import {
  checkResidency,
  EVIDENCE_GAPS,
  type EvidenceGap,
  evidenceGap,
  type Residency,
  type ResidencyFault,
  type ResidencyPolicy,
} from './policy.ts'

/** Why a node is not sent a prompt, or does not take one, as far as that is a matter of its place. */
export const RESIDENCY_REASONS = [
  'outside',
  'attested-elsewhere',
  'forged',
  ...EVIDENCE_GAPS,
  'evidence-kind',
  'another-peer',
] as const
export type ResidencyReason = (typeof RESIDENCY_REASONS)[number]

export interface ResidencyRefusal {
  readonly reason: ResidencyReason
  /** What is in the way. */
  readonly message: string
  /** What would change it. */
  readonly change: string
}

/** What a node shows of where it is. The attestations must already be signature-checked. */
export interface ShownPlace {
  readonly peerId: string
  readonly country: string
  readonly attestations: readonly RegionAttestation[]
  /** Of those that it shows, what their attestors took back. */
  readonly revoked?: readonly RegionAttestation[]
  /** How many it shows whose signatures are not good. */
  readonly forged?: number
}

/**
 * Why a policy rules a node out, and what would change it; `undefined` when it does not.
 *
 * @param where what asks for it, in words
 */
export function refusePlace(
  { peerId, country, attestations, revoked = [], forged = 0 }: ShownPlace,
  policy: ResidencyPolicy,
  now: number,
  where: string,
): ResidencyRefusal | undefined {
  // Whoever shows what somebody made up is a liar, and is sent nothing even where nothing was asked for.
  if (forged > 0) return FORGED
  const fault = checkResidency({ peerId, country }, attestations, policy, now)
  if (fault === undefined) return undefined
  const gap = evidenceGap(peerId, attestations, policy.trustedAttestors, now, revoked)
  return explain(fault, gap, policy, where)
}

const FORGED: ResidencyRefusal = {
  reason: 'forged',
  message: 'it shows an attestation whose signature is not good',
  change: 'the provider shows only what its attestor has signed',
}

const GAPS: Readonly<Record<EvidenceGap, string>> = {
  none: 'it shows no attestation',
  'another-subject': 'it shows the attestation of another node',
  'not-trusted': 'its attestations are of attestors that you do not trust',
  revoked: 'its attestation was revoked',
  'not-yet-valid': 'its attestation is not valid yet: look at your clock',
  expired: 'its attestation has expired',
  'too-weak': 'its attestation rests on less',
}

function explain(
  fault: ResidencyFault,
  gap: EvidenceGap,
  policy: Residency,
  where: string,
): ResidencyRefusal {
  switch (fault.reason) {
    case 'outside':
      return {
        reason: 'outside',
        message: `${fault.country} is outside ${policy.allow.join(', ')}`,
        change: `allow ${fault.country} in ${where}`,
      }
    case 'attested-elsewhere':
      return {
        reason: 'attested-elsewhere',
        message: `claims ${fault.country}, but is attested in ${fault.attested}`,
        change: 'the provider corrects its country',
      }
    case 'evidence':
      return {
        reason: gap,
        message: `evidence of location is level ${fault.level}, ${where} asks for ${fault.minLevel}, ${LEVEL_MEANINGS[fault.minLevel] ?? ''}: ${GAPS[gap]}`,
        change:
          gap === 'not-trusted'
            ? 'trust its attestor, or the provider gets an attestation from one that you trust'
            : `the provider gets an attestation of level ${fault.minLevel} from an attestor you trust, or lower minLevel`,
      }
    case 'evidence-kind':
      return {
        reason: gap === 'too-weak' ? 'evidence-kind' : gap,
        message: `${where} asks for evidence of location by ${fault.missing.join(' and ')}: ${gap === 'too-weak' ? 'its attestation rests on other evidence' : GAPS[gap]}`,
        change: `the provider gets ${fault.missing.join(' and ')} evidence from an attestor you trust, or ask for another kind`,
      }
  }
}
