import { emptyRoot, leafHash, nodeHash } from './hash.ts'
import { consistencyRanges, inclusionRanges, type Range } from './ranges.ts'
import { isSize } from './verify.ts'

/** Merkle tree hash of a list of entries (RFC 6962, 2.1). */
export function rootOf(entries: readonly Uint8Array[]): Uint8Array {
  return rootOfLeaves(entries.map(leafHash))
}

/** Merkle tree hash over leaf hashes, or over the roots of equal whole subtrees. */
export function rootOfLeaves(hashes: readonly Uint8Array[]): Uint8Array {
  const frontier = new Frontier()
  for (const hash of hashes) frontier.append(hash)
  return frontier.root()
}

/**
 * Proof that the entry at `index` is in the tree of these leaf hashes, for trees that fit in memory.
 *
 * @throws {RangeError} when `index` is not in the tree
 */
export function proveInclusion(hashes: readonly Uint8Array[], index: bigint): Uint8Array[] {
  if (!isSize(index) || index >= BigInt(hashes.length)) throw new RangeError(`index: ${index}`)
  return inclusionRanges(index, BigInt(hashes.length)).map((range) => rootOfRange(hashes, range))
}

/**
 * Proof that the tree of these leaf hashes begins with its first `size1` entries.
 *
 * @throws {RangeError} when the tree is smaller than `size1`
 */
export function proveConsistency(hashes: readonly Uint8Array[], size1: bigint): Uint8Array[] {
  if (!isSize(size1) || size1 > BigInt(hashes.length)) throw new RangeError(`size: ${size1}`)
  return consistencyRanges(size1, BigInt(hashes.length)).map((range) => rootOfRange(hashes, range))
}

function rootOfRange(hashes: readonly Uint8Array[], { start, end }: Range): Uint8Array {
  return rootOfLeaves(hashes.slice(Number(start), Number(end)))
}

interface Subtree {
  /** It has 2^level leaves. */
  readonly level: number
  readonly hash: Uint8Array
}

/**
 * The right edge of a growing tree: the roots of its whole subtrees, one per set bit of its size. Appending costs one
 * hash on average, the root at most 64, however many leaves came before.
 */
export class Frontier {
  readonly #subtrees: Subtree[] = []
  #size = 0n

  /** Leaves so far. */
  get size(): bigint {
    return this.#size
  }

  append(leaf: Uint8Array): void {
    let level = 0
    let hash = leaf
    for (
      let last = this.#subtrees.at(-1);
      last !== undefined && last.level === level;
      last = this.#subtrees.at(-1)
    ) {
      this.#subtrees.pop()
      hash = nodeHash(last.hash, hash)
      level++
    }
    this.#subtrees.push({ level, hash })
    this.#size++
  }

  root(): Uint8Array {
    let root: Uint8Array | undefined
    for (const { hash } of this.#subtrees.toReversed()) {
      root = root === undefined ? hash : nodeHash(hash, root)
    }
    return root ?? emptyRoot()
  }
}
