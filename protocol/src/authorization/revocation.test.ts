import { describe, expect, test } from 'vitest'
import { signerOf } from '../identity/keys.ts'
import { picoEuro } from '../money.ts'
import { openSigned, signRecord } from '../record/signed.ts'
import { cidOf, encodeCanonical } from '../wire.ts'
import {
  authorizationRelease,
  REVOCATIONS_MAX,
  releaseSigners,
  revocationList,
  revocationSigners,
} from './revocation.ts'

const context = { network: 'test' }
const settlement = signerOf(new Uint8Array(32).fill(1))
const provider = signerOf(new Uint8Array(32).fill(2))
const list = {
  issuer: settlement.peerId,
  since: 3n,
  until: 9n,
  at: 1_793_577_600_000,
  serials: [4n, 2n ** 62n],
}

describe('a revocation list', () => {
  test('opens under its issuer’s signature only', () => {
    const signed = signRecord(context, revocationList, list, 'settlement', settlement)
    expect(openSigned(context, revocationList, signed, revocationSigners).value).toEqual(list)
    const forged = signRecord(context, revocationList, list, 'settlement', provider)
    expect(() => openSigned(context, revocationList, forged, revocationSigners)).toThrow(
      expect.objectContaining({ code: 'HANSE_SIGNATURE_MISSING' }),
    )
  })

  test('fits into a record when it is as long as it may be', () => {
    const serials = Array.from({ length: REVOCATIONS_MAX }, () => 2n ** 63n - 1n)
    expect(revocationList.encode({ ...list, serials }).byteLength).toBeLessThanOrEqual(8192)
    expect(() => revocationList.encode({ ...list, serials: [...serials, 1n] })).toThrow(
      expect.objectContaining({ code: 'HANSE_RECORD_FIELDS' }),
    )
  })

  test('does not end before it begins', () => {
    expect(() => revocationList.encode({ ...list, until: 2n })).toThrow(
      expect.objectContaining({ code: 'HANSE_RECORD_FIELDS' }),
    )
  })
})

test('a release is the provider’s word', () => {
  const value = {
    settlement: settlement.peerId,
    provider: provider.peerId,
    authorization: cidOf(encodeCanonical('authorization')),
    claims: picoEuro(5n),
    at: 1_793_577_600_000,
  }
  const signed = signRecord(context, authorizationRelease, value, 'provider', provider)
  const opened = openSigned(context, authorizationRelease, signed, releaseSigners)
  expect(opened.value.claims).toBe(5n)
  const forged = signRecord(context, authorizationRelease, value, 'provider', settlement)
  expect(() => openSigned(context, authorizationRelease, forged, releaseSigners)).toThrow()
})
