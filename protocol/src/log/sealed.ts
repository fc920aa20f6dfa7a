import nacl from 'tweetnacl'
import { sha256 } from '#crypto'
import { HanseError } from '../errors.ts'
import { concat, utf8 } from '../wire.ts'

/** Bytes of a salt, from a secure source, new for each leaf. */
export const LEAF_SALT_BYTES = 32
/** Of each subject one key; destroying it erases all that was sealed with it. */
export const SEAL_KEY_BYTES = nacl.secretbox.keyLength
/** From a secure source, new for each sealing: 24 random bytes do not come twice. */
export const SEAL_NONCE_BYTES = nacl.secretbox.nonceLength

/**
 * What the public log holds of an event: SHA-256(domain ‖ salt ‖ SHA-256(body)). The body is kept beside the log. Without
 * the salt nobody can try out bodies against the leaf, so erasing salt and body leaves nothing personal in the log, while
 * every proof stays valid.
 *
 * @throws {RangeError} when the salt is not 32 bytes
 */
export function leafCommitment(salt: Uint8Array, body: Uint8Array): Uint8Array {
  if (salt.byteLength !== LEAF_SALT_BYTES) throw new RangeError(`salt of ${salt.byteLength} bytes`)
  return sha256(concat([utf8('hanse/v1/log-leaf'), salt, sha256(body)]))
}

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
