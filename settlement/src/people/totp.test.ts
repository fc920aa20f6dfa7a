import { signerOf } from '@hanse/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hashRecoveryCode, newRecoveryCodes } from './recovery-codes.ts'
import { newTotpSecret, openTotp, sealTotp, totpCode, totpStep } from './totp.ts'

/** RFC 6238, appendix B: SHA-1, with the last six of the eight digits. */
const SECRET = new TextEncoder().encode('12345678901234567890')
const VECTORS = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
] as const

test.each(VECTORS)('the code of %d s is that of RFC 6238', (seconds, code) => {
  expect(totpCode(SECRET, seconds * 1000)).toBe(code)
  expect(totpStep(SECRET, code, seconds * 1000)).toBe(Math.floor(seconds / 30))
})

test('a code is good in its step and in one on either side, and says which is its own', () => {
  const at = 1_793_577_615_000
  const code = totpCode(SECRET, at)
  const own = Math.floor(at / 30_000)
  for (const steps of [-1, 0, 1]) expect(totpStep(SECRET, code, at + steps * 30_000)).toBe(own)
  for (const steps of [-2, 2, 40]) expect(totpStep(SECRET, code, at + steps * 30_000)).not.toBe(own)
})

test('only the service’s own key opens a secret, for its own person', () => {
  const [signer, other] = [1, 2].map((byte) => signerOf(new Uint8Array(32).fill(byte)))
  if (signer === undefined || other === undefined) throw new Error('no signers')
  const secret = newTotpSecret()
  const sealed = sealTotp(signer, 'per_1', secret)
  expect(openTotp(signer, 'per_1', sealed)).toEqual(secret)
  expect(() => openTotp(signer, 'per_2', sealed)).toThrow()
  expect(() => openTotp(other, 'per_1', sealed)).toThrow()
})

test('a recovery code is known again however it is written, and is another for everybody', () => {
  const codes = newRecoveryCodes()
  expect(codes).toHaveLength(10)
  fc.assert(
    fc.property(
      fc.constantFrom(...codes),
      fc.boolean(),
      fc.constantFrom('', ' ', '-'),
      (code, big, gap) => {
        expect(code).toMatch(/^(?:[0-9a-hjkmnp-tv-z]{4}-){3}[0-9a-hjkmnp-tv-z]{4}$/u)
        const plain = code.replaceAll('-', gap)
        const written = big ? plain.toUpperCase() : plain
        expect(hashRecoveryCode('per_1', written)).toEqual(hashRecoveryCode('per_1', code))
        expect(hashRecoveryCode('per_2', written)).not.toEqual(hashRecoveryCode('per_1', code))
      },
    ),
  )
})
