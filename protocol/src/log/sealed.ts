import nacl from 'tweetnacl'
import { HanseError } from '../errors.ts'
import { concat } from '../wire.ts'

/** Of each subject one key; destroying it erases all that was sealed with it. */
export const SEAL_KEY_BYTES = nacl.secretbox.keyLength
/** From a secure source, new for each sealing: 24 random bytes do not come twice. */
export const SEAL_NONCE_BYTES = nacl.secretbox.nonceLength

/**
 * Seals personal data for its subject with XSalsa20-Poly1305 (NaCl `secretbox`). Commit to the sealed bytes, not to the
 * plain ones: the commitment then stays checkable when the key is gone.
 *
 * @returns the nonce, then the box
 * @throws {RangeError} when key or nonce have another length
 */
export function sealPersonal(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  if (key.byteLength !== SEAL_KEY_BYTES) throw new RangeError(`key of ${key.byteLength} bytes`)
  if (nonce.byteLength !== SEAL_NONCE_BYTES) {
    throw new RangeError(`nonce of ${nonce.byteLength} bytes`)
  }
  return concat([nonce, nacl.secretbox(plaintext, nonce, key)])
}

/**
 * Opens what `sealPersonal` sealed with this key.
 *
 * @throws {HanseError} HANSE_LOG_SEALED when the key is another one, or the bytes were changed
 */
export function openPersonal(key: Uint8Array, sealed: Uint8Array): Uint8Array {
  const nonce = sealed.subarray(0, SEAL_NONCE_BYTES)
  const box = sealed.subarray(SEAL_NONCE_BYTES)
  const isSealed = key.byteLength === SEAL_KEY_BYTES && nonce.byteLength === SEAL_NONCE_BYTES
  const plaintext = isSealed ? nacl.secretbox.open(box, nonce, key) : null
  if (plaintext === null) {
    throw new HanseError('HANSE_LOG_SEALED', 'not sealed with this key, or changed since')
  }
  return plaintext
}
