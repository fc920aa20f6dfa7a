import { isEqual, sha256 } from './bytes.ts'

/** The tree of RFC 6962, 2.1, by its own recursive definitions; verifiers recurse instead of counting bits. */

export const leafHash = (entry: Uint8Array): Uint8Array => sha256(Uint8Array.of(0), entry)
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(Uint8Array.of(1), left, right)

/** MTH, over leaf hashes. */
export function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves
  if (first === undefined) return sha256()
  if (leaves.length === 1) return first
  const split = Number(splitOf(BigInt(leaves.length)))
  return nodeHash(rootOf(leaves.slice(0, split)), rootOf(leaves.slice(split)))
}

/** PATH of RFC 6962, 2.1.1. */
export function inclusionProof(leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  if (leaves.length <= 1) return []
  const split = Number(splitOf(BigInt(leaves.length)))
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)]
  return index < split
    ? [...inclusionProof(left, index), rootOf(right)]
    : [...inclusionProof(right, index - split), rootOf(left)]
}

/** PROOF of RFC 6962, 2.1.2. */
export function consistencyProof(leaves: readonly Uint8Array[], size1: number): Uint8Array[] {
  if (size1 === 0 || size1 === leaves.length) return []
  return subProof(leaves, size1, true)
}

function subProof(leaves: readonly Uint8Array[], size1: number, isWhole: boolean): Uint8Array[] {
  if (size1 === leaves.length) return isWhole ? [] : [rootOf(leaves)]
  const split = Number(splitOf(BigInt(leaves.length)))
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)]
  return size1 <= split
    ? [...subProof(left, size1, isWhole), rootOf(right)]
    : [...subProof(right, size1 - split, false), rootOf(left)]
}

export interface Inclusion {
  readonly index: bigint
  readonly size: bigint
  readonly leaf: Uint8Array
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}

export function isIncluded({ index, size, leaf, proof, root }: Inclusion): boolean {
  if (index < 0n || index >= size || size >= 2n ** 64n) return false
  if (![leaf, root, ...proof].every(isHash)) return false
  const computed = rootFrom(leaf, index, size, proof)
  return computed !== undefined && isEqual(computed, root)
}

/** The root that a path leads to, or `undefined` when it is not as long as the way. */
function rootFrom(
  leaf: Uint8Array,
  index: bigint,
  size: bigint,
  proof: readonly Uint8Array[],
): Uint8Array | undefined {
  if (size === 1n) return proof.length === 0 ? leaf : undefined
  const sibling = proof.at(-1)
  if (sibling === undefined) return undefined
  const [split, rest] = [splitOf(size), proof.slice(0, -1)]
  const isLeft = index < split
  const below = isLeft
    ? rootFrom(leaf, index, split, rest)
    : rootFrom(leaf, index - split, size - split, rest)
  if (below === undefined) return undefined
  return isLeft ? nodeHash(below, sibling) : nodeHash(sibling, below)
}

export interface Consistency {
  readonly size1: bigint
  readonly size2: bigint
  readonly root1: Uint8Array
  readonly root2: Uint8Array
  readonly proof: readonly Uint8Array[]
}

export function isConsistent({ size1, size2, root1, root2, proof }: Consistency): boolean {
  if (size1 < 0n || size1 > size2 || size2 >= 2n ** 64n) return false
  if (![root1, root2, ...proof].every(isHash)) return false
  if (size1 === size2) return proof.length === 0 && isEqual(root1, root2)
  // Every tree begins with the empty one: that is no claim about a log.
  if (size1 === 0n) return false
  const roots = rootsFrom(size1, size2, proof, root1)
  return roots !== undefined && isEqual(roots.old, root1) && isEqual(roots.grown, root2)
}

interface Roots {
  readonly old: Uint8Array
  readonly grown: Uint8Array
}

/** Both roots of a subtree that the old tree fills up to `size1`; `known` is its root where it is the whole old tree. */
function rootsFrom(
  size1: bigint,
  size2: bigint,
  proof: readonly Uint8Array[],
  known: Uint8Array | undefined,
): Roots | undefined {
  const last = proof.at(-1)
  if (size1 === size2) {
    const [only, ...others] = known === undefined ? proof : [known, ...proof]
    return only === undefined || others.length > 0 ? undefined : { old: only, grown: only }
  }
  if (last === undefined) return undefined
  const [split, rest] = [splitOf(size2), proof.slice(0, -1)]
  if (size1 <= split) {
    const roots = rootsFrom(size1, split, rest, known)
    return roots && { old: roots.old, grown: nodeHash(roots.grown, last) }
  }
  const roots = rootsFrom(size1 - split, size2 - split, rest, undefined)
  return roots && { old: nodeHash(last, roots.old), grown: nodeHash(last, roots.grown) }
}

const isHash = (hash: Uint8Array): boolean => hash.length === 32

/** The largest power of two below `size`. */
function splitOf(size: bigint): bigint {
  let split = 1n
  while (split * 2n < size) split *= 2n
  return split
}
