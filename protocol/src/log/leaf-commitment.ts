import { sha256 } from '#crypto'
import { concat, utf8 } from '../wire.ts'

/** Bytes of a salt, from a secure source, new for each leaf. */
export const LEAF_SALT_BYTES = 32

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
