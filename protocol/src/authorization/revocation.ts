import { z } from 'zod'
import { amount, cid, counter, peerId, timestamp } from '../record/fields.ts'
import { defineRecord } from '../record/record.ts'

/** Serials in one list: each takes nine bytes of CBOR at most, and a record has 8192. */
export const REVOCATIONS_MAX = 800

/**
 * Authorizations for which settlement asks providers to take no new orders; signed in the role `settlement`. What was
 * accepted before, or without knowing, is paid all the same: a promise is not taken back. Revocations are numbered; a
 * list holds those after `since`, up to `until`, of authorizations that have not expired.
 */
export const revocationList = defineRecord(
  'hanse.revocation-list.v1',
  {
    issuer: peerId,
    since: counter,
    until: counter,
    at: timestamp,
    serials: z.array(counter).max(REVOCATIONS_MAX),
  },
  {
    bytesMax: 8192,
    check: (value) => (value.since <= value.until ? undefined : 'until is before since'),
  },
)
export type RevocationList = ReturnType<typeof revocationList.decode>

export const revocationSigners = (value: RevocationList) =>
  [{ signer: value.issuer, role: 'settlement' }] as const

/**
 * A provider's word that under an authorization it will never claim more than `claims` pico-euro, booked or not; signed
 * in the role `provider`. Settlement gives the rest of the hold back without waiting for the authorization to expire.
 */
export const authorizationRelease = defineRecord('hanse.authorization-release.v1', {
  settlement: peerId,
  provider: peerId,
  authorization: cid,
  claims: amount,
  at: timestamp,
})
export type AuthorizationRelease = ReturnType<typeof authorizationRelease.decode>

export const releaseSigners = (value: AuthorizationRelease) =>
  [{ signer: value.provider, role: 'provider' }] as const
