/** Entries `start` up to, and without, `end`. */
export interface Range {
  readonly start: bigint
  readonly end: bigint
}

/**
 * The subtrees whose hashes prove that entry `index` is in a tree of `size`: PATH of RFC 6962, 2.1.1, leaf's sibling
 * first. The caller has checked that `index` is below `size`.
 */
export function inclusionRanges(index: bigint, size: bigint): Range[] {
  const ranges: Range[] = []
  let start = 0n
  let end = size
  while (end - start > 1n) {
    const middle = start + splitOf(end - start)
    if (index < middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  return ranges.reverse()
}

/**
 * The subtrees whose hashes prove that a tree of `size2` begins with one of `size1`: PROOF of RFC 6962, 2.1.2. Empty
 * when the sizes are equal or the old tree is empty. The caller has checked that `size1` is at most `size2`.
 */
export function consistencyRanges(size1: bigint, size2: bigint): Range[] {
  if (size1 === 0n || size1 === size2) return []
  const ranges: Range[] = []
  let start = 0n
  let end = size2
  while (end !== size1) {
    const middle = start + splitOf(end - start)
    if (size1 <= middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  // Who holds the old root knows this subtree already when it is the whole old tree.
  if (start !== 0n) ranges.push({ start, end })
  return ranges.reverse()
}

/** A subtree of 2^level entries, the `index`-th of its level. */
export interface Node {
  readonly level: number
  readonly index: bigint
}

/** The largest whole subtrees that make up a range, left to right. A range of a proof always falls into at most 64. */
export function wholeSubtrees({ start, end }: Range): Node[] {
  const nodes: Node[] = []
  let at = start
  while (at < end) {
    let level = 0
    while (at % (2n << BigInt(level)) === 0n && at + (2n << BigInt(level)) <= end) level++
    nodes.push({ level, index: at >> BigInt(level) })
    at += 1n << BigInt(level)
  }
  return nodes
}

/** The largest power of two below `count`, which is at least two: where RFC 6962 splits a tree. */
function splitOf(count: bigint): bigint {
  return 1n << BigInt((count - 1n).toString(2).length - 1)
}
