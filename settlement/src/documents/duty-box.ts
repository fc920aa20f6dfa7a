import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import {
  HanseError,
  openPersonal,
  SEAL_KEY_BYTES,
  SEAL_NONCE_BYTES,
  sealPersonal,
} from '@hanse/protocol'

/** An X25519 key, public or secret. */
export const DUTY_KEY_BYTES = 32
/** Changes with how a box is made. */
const DOMAIN = 'hanse-duty-box-1'

export const newDutyKey = (): Uint8Array => rawOf(generateKeyPairSync('x25519').privateKey, 'd')

/** What boxes are closed with. @throws {RangeError} when the key has another length */
export const publicDutyKey = (secret: Uint8Array): Uint8Array =>
  rawOf(createPublicKey(secretOf(secret)), 'x')

/** What anybody can close, and nobody but the holder of the duty key opens: an ephemeral key, then what is sealed with it. */
export function closeBox(duty: Uint8Array, key: Uint8Array): Uint8Array {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  const sender = rawOf(publicKey, 'x')
  const shared = sharedKey(privateKey, publicOf(duty), sender, duty)
  return Uint8Array.from([...sender, ...sealPersonal(shared, randomBytes(SEAL_NONCE_BYTES), key)])
}

/** @throws {HanseError} HANSE_LOG_SEALED when it is another's box, or was changed */
export function openBox(secret: Uint8Array, boxed: Uint8Array): Uint8Array {
  const sender = boxed.subarray(0, DUTY_KEY_BYTES)
  if (sender.byteLength !== DUTY_KEY_BYTES) throw new HanseError('HANSE_LOG_SEALED', 'no box')
  const shared = sharedKey(secretOf(secret), publicOf(sender), sender, publicDutyKey(secret))
  return openPersonal(shared, boxed.subarray(DUTY_KEY_BYTES))
}

function sharedKey(
  own: KeyObject,
  other: KeyObject,
  sender: Uint8Array,
  duty: Uint8Array,
): Uint8Array {
  const secret = diffieHellman({ privateKey: own, publicKey: other })
  // Both public keys are in it, so a box is of these two and of nobody else.
  return new Uint8Array(
    hkdfSync('sha256', secret, Buffer.concat([sender, duty]), DOMAIN, SEAL_KEY_BYTES),
  )
}

const publicOf = (key: Uint8Array): KeyObject =>
  createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: textOf(key) }, format: 'jwk' })

function secretOf(secret: Uint8Array): KeyObject {
  if (secret.byteLength !== DUTY_KEY_BYTES) {
    throw new RangeError(`key of ${secret.byteLength} bytes`)
  }
  const key = Buffer.concat([PKCS8, secret])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

/** What comes before the 32 bytes of an X25519 key (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')

const textOf = (key: Uint8Array): string => Buffer.from(key).toString('base64url')

function rawOf(key: KeyObject, part: 'x' | 'd'): Uint8Array {
  const text = key.export({ format: 'jwk' })[part]
  if (text === undefined) throw new Error('a key without its bytes')
  return Uint8Array.from(Buffer.from(text, 'base64url'))
}
