import { z } from 'zod'
import { cid, counter, peerId, timestamp } from '../record/fields.ts'
import { defineRecord } from '../record/record.ts'
import { utf8 } from '../wire.ts'

/** Attestations in one list: a link takes 41 bytes of CBOR, and a record has 8192. */
export const REVOKED_ATTESTATIONS_MAX = 190

/**
 * Attestations that an attestor takes back before they expire; signed in the role `attestor`. From when a consumer knows
 * of it, they prove nothing; what was done on their strength before is paid all the same. Revocations are numbered; a
 * list holds those after `since`, up to `until`, of attestations that have not expired.
 */
export const attestationRevocations = defineRecord(
  'hanse.attestation-revocations.v1',
  {
    issuer: peerId,
    since: counter,
    until: counter,
    at: timestamp,
    revoked: z.array(cid).max(REVOKED_ATTESTATIONS_MAX),
  },
  {
    bytesMax: 8192,
    check: (value) => (value.since <= value.until ? undefined : 'until is before since'),
  },
)
export type AttestationRevocations = ReturnType<typeof attestationRevocations.decode>

export const attestationRevocationSigners = (value: AttestationRevocations) =>
  [{ signer: value.issuer, role: 'attestor' }] as const

/** The DHT's value key that holds the newest list of an attestor. */
export const revocationsKey = (issuer: string): Uint8Array => utf8(`/hanse/revoked/${issuer}`)
