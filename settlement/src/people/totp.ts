import { createHash, randomBytes } from 'node:crypto'
import { openPersonal, SEAL_NONCE_BYTES, type Signer, sealPersonal } from '@hanse/protocol'
import { Secret, TOTP } from 'otpauth'

/** RFC 4226, 4: as long as the hash. */
const SECRET_BYTES = 20
const PERIOD_SECONDS = 30
/** One step either way: clocks of telephones, and a code that was typed slowly (RFC 6238, 5.2). */
const WINDOW = 1
/** What every authenticator app understands. */
const FORM = { algorithm: 'SHA1', digits: 6, period: PERIOD_SECONDS } as const

export const newTotpSecret = (): Uint8Array => Uint8Array.from(randomBytes(SECRET_BYTES))

/** What an authenticator app reads, as a QR code or typed. */
export function totpSetup(secret: Uint8Array, email: string): { uri: string; secret: string } {
  const key = secretOf(secret)
  const uri = new TOTP({ ...FORM, issuer: 'Hanse', label: email, secret: key }).toString()
  return { uri, secret: key.base32 }
}

/** The time step that a code is of. A step's code is good once: keep the step. */
export function totpStep(secret: Uint8Array, code: string, now: number): number | undefined {
  const delta = TOTP.validate({
    ...FORM,
    token: code,
    secret: secretOf(secret),
    timestamp: now,
    window: WINDOW,
  })
  if (delta === null) return undefined
  return Math.floor(now / 1000 / PERIOD_SECONDS) + delta
}

/** The code of a moment, as an app shows it. */
export const totpCode = (secret: Uint8Array, now: number): string =>
  TOTP.generate({ ...FORM, secret: secretOf(secret), timestamp: now })

/** Who reads the database alone cannot make codes: the key comes of the service's own. */
export function sealTotp(signer: Signer, person: string, secret: Uint8Array): Uint8Array {
  const nonce = Uint8Array.from(randomBytes(SEAL_NONCE_BYTES))
  return sealPersonal(sealKey(signer, person), nonce, secret)
}

export const openTotp = (signer: Signer, person: string, sealed: Uint8Array): Uint8Array =>
  openPersonal(sealKey(signer, person), sealed)

/**
 * An Ed25519 signature is the same each time and known to nobody without the key: so it gives a secret for each purpose. What
 * is signed here is nothing else's input: see `identity-proof.ts` for how inputs are told apart.
 */
function sealKey(signer: Signer, person: string): Uint8Array {
  const signature = signer.sign(Buffer.from(`hanse-settlement-totp-1\n${JSON.stringify([person])}`))
  return Uint8Array.from(createHash('sha256').update(signature).digest())
}

const secretOf = (bytes: Uint8Array): Secret =>
  new Secret({ buffer: Uint8Array.from(bytes).buffer })
