import { sha256 } from '#crypto'
import { concat } from '../wire.ts'

/** SHA-256, the only hash of a tiled log (C2SP tlog-tiles, Parameters). */
export const HASH_BYTES = 32

/** Leaves and nodes have different prefixes, so that no node can be passed off as an entry (RFC 6962, 2.1). */
const LEAF_PREFIX = Uint8Array.of(0)
const NODE_PREFIX = Uint8Array.of(1)

/** Where two hashes are joined. Hashing is synchronous, so one buffer serves every node of every tree. */
const joined = new Uint8Array(1 + 2 * HASH_BYTES)
joined.set(NODE_PREFIX)

/** Hash of an entry: SHA-256(0x00 ‖ entry). */
export function leafHash(entry: Uint8Array): Uint8Array {
  return sha256(concat([LEAF_PREFIX, entry]))
}

/** Hash of two subtrees: SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  if (left.byteLength !== HASH_BYTES || right.byteLength !== HASH_BYTES) {
    return sha256(concat([NODE_PREFIX, left, right]))
  }
  joined.set(left, 1)
  joined.set(right, 1 + HASH_BYTES)
  return sha256(joined)
}

/** Root of the tree without entries: SHA-256 of nothing. */
export function emptyRoot(): Uint8Array {
  return sha256(new Uint8Array(0))
}

export function isHash(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array && value.byteLength === HASH_BYTES
}
