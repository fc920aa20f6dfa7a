import { randomBytes } from 'node:crypto'
import {
  type RegionAttestation,
  regionAttestation,
  type SignedRecord,
  type Signer,
  signerOf,
  signRecord,
} from '@hanse/protocol'
import { NETWORK } from './tapped-peer.ts'

const HOUR_MS = 3_600_000

export const newSigner = (): Signer => signerOf(new Uint8Array(randomBytes(32)))

/** That a node is in Germany, by its payout account, from an hour ago to in an hour. */
export function attestationBy(
  issuer: Signer,
  subject: Signer,
  changes: Partial<RegionAttestation> = {},
): SignedRecord {
  const value: RegionAttestation = {
    subject: subject.peerId,
    country: 'DE',
    evidence: [{ kind: 'declared' }, { kind: 'payout-account', account: 'acct_1', country: 'DE' }],
    level: 3,
    notBefore: Date.now() - HOUR_MS,
    notAfter: Date.now() + HOUR_MS,
    issuer: issuer.peerId,
    ...changes,
  }
  return signRecord({ network: NETWORK }, regionAttestation, value, 'attestor', issuer)
}

/** The issuer's own signature, but of another record. */
export function forgedBy(issuer: Signer, subject: Signer): SignedRecord {
  const { bytes } = attestationBy(issuer, subject)
  const { signatures } = attestationBy(issuer, newSigner())
  return { bytes, signatures }
}
