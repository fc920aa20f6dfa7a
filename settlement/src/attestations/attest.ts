import {
  attestationRevocations,
  evidenceLevel,
  type Named,
  type PeerId,
  parseRecordCid,
  REVOKED_ATTESTATIONS_MAX,
  type RegionAttestation,
  regionAttestation,
  type SignedRecord,
  signRecord,
} from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import { encodeSigned } from '../receipts/submission.ts'
import type { ProviderRow } from '../tenants/tenant-store.ts'
import { type AttestationRefusal, decideAttestation } from './evidence.ts'

const DAY_MS = 86_400_000
/** Long enough that a node need not ask daily, short enough that what is not renewed is soon forgotten. */
const ATTESTATION_MS = 8 * DAY_MS
/** For how long one list of revocations is as good as another: consumers know of each within half a minute. */
export const LIST_MS = 10_000

export type Attested =
  | { readonly attestation: Named<RegionAttestation> & SignedRecord }
  | { readonly refusal: AttestationRefusal }

/** Attests what is known of a provider now. All of one day's answers of the same evidence are the same record. */
export async function attest(context: SettlementContext, row: ProviderRow): Promise<Attested> {
  const { store, signer, network, now } = context
  const at = now()
  const { evidence: stored, block, revokedAt } = await store.providerLocation(row.peerId)
  const decided = decideAttestation(row, stored, block, at)
  if ('refusal' in decided) return decided
  const { evidence, since, until } = decided
  // Never again the record that was revoked.
  const notBefore = Math.max(since, revokedAt, Math.floor(at / DAY_MS) * DAY_MS)
  const value = {
    subject: row.peerId as PeerId,
    country: row.country,
    evidence: [...evidence],
    level: evidenceLevel(evidence),
    notBefore,
    notAfter: Math.min(until, notBefore + ATTESTATION_MS),
    issuer: signer.peerId,
  }
  const attestation = signRecord({ network }, regionAttestation, value, 'attestor', signer)
  await store.keepAttestation(
    {
      cid: attestation.cid.toString(),
      provider: row.peerId,
      country: row.country,
      level: value.level,
      signed: encodeSigned(attestation),
      notBefore,
      notAfter: value.notAfter,
    },
    at,
  )
  return { attestation }
}

/** The revocations after a number, signed; the same bytes for everyone who asks within ten seconds. */
export async function revokedAttestationsSince(
  { store, signer, network, now }: SettlementContext,
  since: bigint,
): Promise<{ readonly list: SignedRecord; readonly more: boolean }> {
  const at = Math.floor(now() / LIST_MS) * LIST_MS
  const found = await store.attestationRevocationsSince(since, at, REVOKED_ATTESTATIONS_MAX)
  const revoked = found.revoked.map(parseRecordCid)
  const value = { issuer: signer.peerId, since, until: found.until, at, revoked }
  const list = signRecord({ network }, attestationRevocations, value, 'attestor', signer)
  return { list, more: revoked.length === REVOKED_ATTESTATIONS_MAX }
}
