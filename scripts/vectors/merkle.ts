import {
  emptyRoot,
  leafHash,
  nodeHash,
  proveConsistency,
  proveInclusion,
  rootOfLeaves,
  verifyConsistency,
  verifyInclusion,
} from '@hanse/protocol'
import { toHex } from '@hanse/protocol/testing'

const SIZES = [1, 2, 3, 4, 5, 7, 8, 13, 20]
const ENTRIES = Array.from({ length: 20 }, (_, i) =>
  new TextEncoder().encode(i === 0 ? '' : `entry ${i}`),
)
const LEAVES = ENTRIES.map(leafHash)

interface Inclusion {
  readonly why: string
  readonly leafIndex: bigint
  readonly treeSize: bigint
  readonly leafHash: Uint8Array
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}

interface Consistency {
  readonly why: string
  readonly size1: bigint
  readonly size2: bigint
  readonly root1: Uint8Array
  readonly root2: Uint8Array
  readonly proof: readonly Uint8Array[]
}

export function merkleFile() {
  return {
    about:
      'The tree of RFC 6962, 2.1, with SHA-256. `roots` has the root of the first n entries at n. Claims say whether they ' +
      'are `valid`, by the steps of RFC 9162, 2.1.3.2 and 2.1.4.2; sizes and indexes are decimals below 2⁶⁴.',
    entries: ENTRIES.map(toHex),
    leafHashes: LEAVES.map(toHex),
    empty: toHex(emptyRoot()),
    node: {
      left: toHex(LEAVES[0] ?? emptyRoot()),
      right: toHex(LEAVES[1] ?? emptyRoot()),
      hash: toHex(rootAt(2)),
    },
    roots: Array.from({ length: ENTRIES.length + 1 }, (_, size) => toHex(rootAt(size))),
    inclusion: [
      ...inclusions(),
      ...inclusions().slice(-20).flatMap(spoiledInclusions),
      ...wide(),
    ].map((claim) => ({ ...asJson(claim), valid: verifyInclusion(claim) })),
    consistency: [
      ...consistencies(),
      ...consistencies().slice(-12).flatMap(spoiledConsistencies),
    ].map((claim) => ({ ...asJson(claim), valid: verifyConsistency(claim) })),
  }
}

const rootAt = (size: number) => rootOfLeaves(LEAVES.slice(0, size))

function inclusions(): Inclusion[] {
  return SIZES.flatMap((size) =>
    Array.from({ length: size }, (_, index) => ({
      why: 'right',
      leafIndex: BigInt(index),
      treeSize: BigInt(size),
      leafHash: LEAVES[index] ?? emptyRoot(),
      proof: proveInclusion(LEAVES.slice(0, size), BigInt(index)),
      root: rootAt(size),
    })),
  )
}

function spoiledInclusions(claim: Inclusion, i: number): Inclusion[] {
  const { proof, leafIndex, treeSize } = claim
  const all: Inclusion[] = [
    { ...claim, why: 'the entry after it', leafIndex: leafIndex + 1n },
    { ...claim, why: 'a tree of one more', treeSize: treeSize + 1n },
    { ...claim, why: 'another leaf', leafHash: emptyRoot() },
    { ...claim, why: 'another root', root: emptyRoot() },
    { ...claim, why: 'a hash too few', proof: proof.slice(1) },
    { ...claim, why: 'a hash too many', proof: [...proof, emptyRoot()] },
    { ...claim, why: 'hashes in another order', proof: proof.toReversed() },
    { ...claim, why: 'a hash of 31 bytes', proof: proof.with(0, new Uint8Array(31)) },
    { ...claim, why: 'beyond the tree', leafIndex: treeSize },
    { ...claim, why: 'no proof at all', proof: [] },
  ]
  return [all[i % all.length] ?? claim]
}

/** Proofs of trees that nobody can build; a path of 64 hashes has a root all the same. */
function wide(): Inclusion[] {
  const end = 2n ** 64n - 1n
  return [0n, 1n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n, end - 1n].map((leafIndex) => {
    const leaf = LEAVES[1] ?? emptyRoot()
    const proof = Array.from({ length: heightOf(leafIndex, end) }, (_, i) =>
      leafHash(Uint8Array.of(i)),
    )
    return {
      why: 'a tree of 2⁶⁴ − 1',
      leafIndex,
      treeSize: end,
      leafHash: leaf,
      proof,
      root: rootFrom(leaf, leafIndex, end, proof),
    }
  })
}

/** Where RFC 6962 splits a tree. */
const splitOf = (size: bigint) => 1n << BigInt((size - 1n).toString(2).length - 1)

function heightOf(index: bigint, size: bigint): number {
  if (size === 1n) return 0
  const split = splitOf(size)
  return 1 + (index < split ? heightOf(index, split) : heightOf(index - split, size - split))
}

function rootFrom(
  leaf: Uint8Array,
  index: bigint,
  size: bigint,
  proof: readonly Uint8Array[],
): Uint8Array {
  const sibling = proof.at(-1)
  if (size === 1n || sibling === undefined) return leaf
  const split = splitOf(size)
  const rest = proof.slice(0, -1)
  return index < split
    ? nodeHash(rootFrom(leaf, index, split, rest), sibling)
    : nodeHash(sibling, rootFrom(leaf, index - split, size - split, rest))
}

function consistencies(): Consistency[] {
  return SIZES.flatMap((size2) =>
    SIZES.filter((size1) => size1 <= size2).map((size1) => ({
      why: 'right',
      size1: BigInt(size1),
      size2: BigInt(size2),
      root1: rootAt(size1),
      root2: rootAt(size2),
      proof: proveConsistency(LEAVES.slice(0, size2), BigInt(size1)),
    })),
  )
}

function spoiledConsistencies(claim: Consistency, i: number): Consistency[] {
  const { proof, size1, size2, root1, root2 } = claim
  const all: Consistency[] = [
    { ...claim, why: 'a larger old tree', size1: size1 + 1n },
    { ...claim, why: 'a larger new tree', size2: size2 + 1n },
    { ...claim, why: 'another old root', root1: emptyRoot() },
    { ...claim, why: 'another new root', root2: emptyRoot() },
    { ...claim, why: 'a hash too many', proof: [...proof, emptyRoot()] },
    { ...claim, why: 'a hash too few', proof: proof.slice(1) },
    { ...claim, why: 'backwards', size1: size2, size2: size1, root1: root2, root2: root1 },
    { ...claim, why: 'from the empty tree', size1: 0n, root1: emptyRoot() },
  ]
  return [all[i % all.length] ?? claim]
}

/** Hashes in hex, sizes as decimals. */
function asJson(claim: Inclusion | Consistency): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(claim).map(
      ([key, value]: [string, string | bigint | Uint8Array | Uint8Array[]]) => [
        key,
        value instanceof Uint8Array
          ? toHex(value)
          : Array.isArray(value)
            ? value.map(toHex)
            : value.toString(),
      ],
    ),
  )
}
