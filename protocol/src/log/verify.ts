import { bytesEqual } from '../wire.ts'
import { isHash, nodeHash } from './hash.ts'

/** Sizes and indexes are unsigned 64-bit numbers everywhere in the C2SP formats. */
const SIZE_END = 2n ** 64n
/** A tree below 2⁶⁴ entries is 64 levels high, and a consistency proof may name one more hash: its own subtree. */
export const PROOF_HASHES_MAX = 65

export interface InclusionClaim {
  readonly leafIndex: bigint
  readonly treeSize: bigint
  readonly leafHash: Uint8Array
  /** Hashes of the siblings, from the leaf's up to the root's child. */
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}

/**
 * Whether the leaf is at this index of the tree with this root, by the steps of RFC 9162, 2.1.3.2. Whatever is malformed,
 * of the wrong type or out of range is `false`, never a throw.
 */
export function verifyInclusion(claim: InclusionClaim): boolean {
  const { leafIndex, treeSize, leafHash, proof, root } = claim ?? {}
  if (!isSize(leafIndex) || !isSize(treeSize) || leafIndex >= treeSize) return false
  if (!isHash(leafHash) || !isHash(root) || !isProof(proof)) return false
  let fn = leafIndex
  let sn = treeSize - 1n
  let hash = leafHash
  for (const sibling of proof) {
    if (sn === 0n) return false
    if (isOdd(fn) || fn === sn) {
      hash = nodeHash(sibling, hash)
      // The last node of a level without a sibling rises unhashed.
      while (!isOdd(fn) && fn !== 0n) {
        fn >>= 1n
        sn >>= 1n
      }
    } else {
      hash = nodeHash(hash, sibling)
    }
    fn >>= 1n
    sn >>= 1n
  }
  return sn === 0n && bytesEqual(hash, root)
}

export interface ConsistencyClaim {
  readonly size1: bigint
  readonly size2: bigint
  readonly root1: Uint8Array
  readonly root2: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/**
 * Whether the tree of `size2` entries begins with that of `size1`, by the steps of RFC 9162, 2.1.4.2. Every tree begins
 * with the empty one, so such a claim says nothing about a log and is `false`; equal sizes need equal roots and an empty
 * proof. Whatever is malformed is `false`, never a throw.
 */
export function verifyConsistency(claim: ConsistencyClaim): boolean {
  const { size1, size2, root1, root2, proof } = claim ?? {}
  if (!isSize(size1) || !isSize(size2) || size1 > size2) return false
  if (!isHash(root1) || !isHash(root2) || !isProof(proof)) return false
  if (size1 === size2) return proof.length === 0 && bytesEqual(root1, root2)
  if (size1 === 0n || proof.length === 0) return false
  // The proof leaves out the old root where it is itself a node of the new tree.
  const path = isPowerOfTwo(size1) ? [root1, ...proof] : [...proof]
  let fn = size1 - 1n
  let sn = size2 - 1n
  while (isOdd(fn)) {
    fn >>= 1n
    sn >>= 1n
  }
  const [first, ...rest] = path
  if (first === undefined) return false
  let old = first
  let grown = first
  for (const hash of rest) {
    if (sn === 0n) return false
    if (isOdd(fn) || fn === sn) {
      old = nodeHash(hash, old)
      grown = nodeHash(hash, grown)
      while (!isOdd(fn) && fn !== 0n) {
        fn >>= 1n
        sn >>= 1n
      }
    } else {
      grown = nodeHash(grown, hash)
    }
    fn >>= 1n
    sn >>= 1n
  }
  return sn === 0n && bytesEqual(old, root1) && bytesEqual(grown, root2)
}

export function isSize(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value < SIZE_END
}

function isProof(value: unknown): value is readonly Uint8Array[] {
  if (!Array.isArray(value) || value.length > PROOF_HASHES_MAX) return false
  // Not `every`, which skips the holes of a sparse array.
  for (const hash of value) if (!isHash(hash)) return false
  return true
}

function isOdd(value: bigint): boolean {
  return (value & 1n) === 1n
}

function isPowerOfTwo(value: bigint): boolean {
  return (value & (value - 1n)) === 0n
}
