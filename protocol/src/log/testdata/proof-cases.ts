import { utf8 } from '../../wire.ts'
import { fromBase64 } from '../base64.ts'
import { leafHash, nodeHash } from '../hash.ts'
import { consistencyRanges, inclusionRanges, type Range } from '../ranges.ts'
import vectors from './tlog-vectors.json' with { type: 'json' }

/** What a verifier of proofs must answer. `claim` is untyped: much of it is not what the verifier asks for. */
export interface ProofCase {
  readonly verifier: 'inclusion' | 'consistency'
  readonly what: string
  readonly claim: unknown
  readonly expected: boolean
}

const bytes = (text: string): Uint8Array => fromBase64(text) ?? new Uint8Array(0)
const hash = (text: string): Uint8Array => leafHash(utf8(text))

/**
 * A tree of any size whose leaves are all alike but one: whole subtrees of one level then have one hash, and 2⁶⁴ entries
 * cost no more than 64.
 */
class VirtualTree {
  readonly #size: bigint
  readonly #special: bigint
  /** Hash of a subtree of 2^i common leaves. */
  readonly #common: Uint8Array[] = [hash('common')]

  constructor(size: bigint, special: bigint) {
    this.#size = size
    this.#special = special
    for (let level = 0; level < 64; level++) {
      const below = this.#common[level] ?? hash('')
      this.#common.push(nodeHash(below, below))
    }
  }

  /** The tree of the first `size` entries. */
  root(size = this.#size): Uint8Array {
    return this.#hashOf({ start: 0n, end: size })
  }

  leaf(index: bigint): Uint8Array {
    return this.#hashOf({ start: index, end: index + 1n })
  }

  inclusion(index: bigint): Uint8Array[] {
    return inclusionRanges(index, this.#size).map((range) => this.#hashOf(range))
  }

  consistency(size1: bigint): Uint8Array[] {
    return consistencyRanges(size1, this.#size).map((range) => this.#hashOf(range))
  }

  #hashOf({ start, end }: Range): Uint8Array {
    const count = end - start
    if (count === 1n) return start === this.#special ? hash('special') : hash('common')
    const level = (count - 1n).toString(2).length
    const isCommon = this.#special < start || this.#special >= end
    if (isCommon && 1n << BigInt(level) === count) return this.#common[level] ?? hash('')
    const middle = start + (1n << BigInt(level - 1))
    return nodeHash(this.#hashOf({ start, end: middle }), this.#hashOf({ start: middle, end }))
  }
}

const MAX = 2n ** 64n - 1n
/** Around each width of integer at which a verifier may lose bits: 31, 32 and 53 bits, and the end of 64. */
const SIZES = [31n, 32n, 33n, 40n, 53n, 54n, 63n].flatMap((bits) => [
  2n ** bits - 1n,
  2n ** bits,
  2n ** bits + 1n,
])
SIZES.push(MAX - 1n, MAX)

/** The published vectors of transparency-dev. */
export function publishedCases(): ProofCase[] {
  const inclusion = vectors.inclusion_proofs.vectors.map((vector): ProofCase => {
    const claim = {
      leafIndex: BigInt(vector.leafIdx),
      treeSize: BigInt(vector.treeSize),
      leafHash: bytes(vector.leafHash),
      proof: (vector.proof ?? []).map(bytes),
      root: bytes(vector.root),
    }
    return { verifier: 'inclusion', what: vector.file, claim, expected: !vector.wantErr }
  })
  const consistency = vectors.consistency_proofs.vectors.map((vector): ProofCase => {
    const claim = {
      size1: BigInt(vector.size1),
      size2: BigInt(vector.size2),
      root1: bytes(vector.root1),
      root2: bytes(vector.root2),
      proof: (vector.proof ?? []).map(bytes),
    }
    return { verifier: 'consistency', what: vector.file, claim, expected: !vector.wantErr }
  })
  return [...inclusion, ...consistency]
}

/** What the published vectors leave out: large trees, ends of ranges, and what is no claim at all. */
export function edgeCases(): ProofCase[] {
  return [...largeInclusion(), ...largeConsistency(), ...stretched(), ...hostile()]
}

function largeInclusion(): ProofCase[] {
  return SIZES.flatMap((treeSize) =>
    [0n, 1n, treeSize / 2n, treeSize - 2n, treeSize - 1n].flatMap((leafIndex) => {
      const tree = new VirtualTree(treeSize, leafIndex)
      const proof = tree.inclusion(leafIndex)
      const claim = { leafIndex, treeSize, leafHash: hash('special'), proof, root: tree.root() }
      const what = `entry ${leafIndex} of ${treeSize}`
      const wrong = {
        'next index': { leafIndex: leafIndex + 1n },
        'index below': { leafIndex: leafIndex - 1n },
        'index off by 2³²': { leafIndex: leafIndex + 2n ** 32n },
        'double size': { treeSize: treeSize * 2n },
        'size as a number': { treeSize: Number(treeSize) },
        'a hash more': { proof: [...proof, hash('more')] },
        'a hash less': { proof: proof.slice(0, -1) },
      }
      return casesOf('inclusion', what, claim, wrong)
    }),
  )
}

function largeConsistency(): ProofCase[] {
  return SIZES.flatMap((size2) =>
    [1n, 3n, 2n ** 30n, (size2 / 4n) | 1n, size2 / 2n, size2 - 1n].flatMap((size1) => {
      const tree = new VirtualTree(size2, size2 / 3n)
      const proof = tree.consistency(size1)
      const claim = { size1, size2, root1: tree.root(size1), root2: tree.root(), proof }
      const wrong = {
        'next size': { size1: size1 + 1n },
        'size below': { size1: size1 - 1n },
        'swapped sizes': { size1: size2, size2: size1 },
        'size of another double': { size2: size2 * 2n },
        'other old root': { root1: hash('other') },
        'other new root': { root2: hash('other') },
        'a hash more': { proof: [...proof, hash('more')] },
        'a hash less': { proof: proof.slice(0, -1) },
      }
      return casesOf('consistency', `${size1} to ${size2}`, claim, wrong)
    }),
  )
}

/**
 * Proofs that end where the tree does not: whoever stops counting levels accepts a root that is a node of a higher tree,
 * or one further up than the size allows.
 */
function stretched(): ProofCase[] {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(hash) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  const ab = nodeHash(a, b)
  const left = nodeHash(ab, c)
  const right = nodeHash(c, ab)
  const one = { treeSize: 1n, leafIndex: 0n, leafHash: a }
  const two = { treeSize: 2n, leafHash: b }
  const grown = { size1: 1n, size2: 2n, root1: a }
  const half = { size1: 2n, size2: 4n, root1: ab, proof: [] }
  return [
    { what: 'a sibling of the only entry', claim: { ...one, proof: [b], root: ab } },
    { what: 'a left sibling of it', claim: { ...one, proof: [b], root: nodeHash(b, a) } },
    { what: 'above the root, right', claim: { ...two, leafIndex: 1n, proof: [a, c], root: left } },
    { what: 'above the root, left', claim: { ...two, leafIndex: 1n, proof: [a, c], root: right } },
    { what: 'above, from the left', claim: { ...two, leafIndex: 0n, proof: [a, c], root: left } },
    { what: 'below the root', claim: { ...one, treeSize: 4n, proof: [b], root: ab } },
    { what: 'the leaf for a root', claim: { ...one, treeSize: 2n, proof: [], root: a } },
    { what: 'in the empty tree', claim: { ...one, treeSize: 0n, proof: [], root: a } },
    { what: 'the index after the last', claim: { ...one, leafIndex: 1n, proof: [], root: a } },
    { what: 'sibling without a prefix', claim: { ...one, treeSize: 2n, proof: [d], root: ab } },
  ]
    .map((item): ProofCase => ({ verifier: 'inclusion', expected: false, ...item }))
    .concat(
      [
        { what: 'above the root', claim: { ...grown, root2: left, proof: [b, c] } },
        { what: 'above it, left', claim: { ...grown, root2: right, proof: [b, c] } },
        { what: 'no proof of growth', claim: { ...half, root2: ab } },
        { what: 'the old root as proof', claim: { ...half, root2: ab, proof: [ab] } },
        { what: 'the empty tree', claim: { ...grown, size1: 0n, root2: ab, proof: [a, b] } },
        {
          what: 'both empty, a proof',
          claim: { ...half, size1: 0n, size2: 0n, root1: a, root2: a, proof: [a] },
        },
        { what: 'equal sizes, a proof', claim: { ...half, size2: 2n, root2: ab, proof: [ab] } },
        { what: 'equal sizes, other root', claim: { ...half, size2: 2n, root2: left } },
        { what: 'shrunk to it', claim: { size1: 3n, size2: 1n, root1: a, root2: a, proof: [a] } },
        {
          what: 'shrinking',
          claim: { ...grown, size1: 2n, size2: 1n, root1: ab, root2: a, proof: [a] },
        },
      ].map((item): ProofCase => ({ verifier: 'consistency', expected: false, ...item })),
    )
}

/** What is no claim: each must be answered `false` at once. */
function hostile(): ProofCase[] {
  const tree = new VirtualTree(6n, 2n)
  const inclusion = {
    leafIndex: 2n,
    treeSize: 6n,
    leafHash: tree.leaf(2n),
    proof: tree.inclusion(2n),
    root: tree.root(),
  }
  const consistency = {
    size1: 3n,
    size2: 6n,
    root1: tree.root(3n),
    root2: tree.root(),
    proof: tree.consistency(3n),
  }
  const sizes = [
    -1n,
    2n ** 64n,
    2n ** 64n + 6n,
    2n ** 4096n,
    6,
    2,
    '6',
    null,
    undefined,
    Number.NaN,
    {},
  ]
  const hashes = [
    new Uint8Array(0),
    new Uint8Array(31),
    new Uint8Array(33),
    'a'.repeat(32),
    Array.from({ length: 32 }, () => 0),
    new Uint16Array(32),
    new ArrayBuffer(32),
    null,
    undefined,
    32,
  ]
  const proofs: unknown[] = [
    null,
    undefined,
    'proof',
    {},
    { length: 3 },
    { length: 3, 0: hash('a'), 1: hash('b'), 2: hash('c') },
    new Uint8Array(96),
    Array.from({ length: 3 }),
    Object.assign([], { length: 3 }),
    Array.from({ length: 100_000 }, () => hash('x')),
    Object.assign([], { length: 2 ** 32 - 1 }),
    ...hashes.map((bad) => [...inclusion.proof.slice(0, 2), bad]),
    ...hashes.map((bad) => [...inclusion.proof.slice(0, 3), bad]),
    ...hashes.map((bad) => [bad, ...inclusion.proof.slice(1)]),
  ]
  return [
    ...casesOf('inclusion', 'right', inclusion, {}),
    ...casesOf('consistency', 'right', consistency, {}),
    ...sizes.flatMap((bad) => [
      ...wrongOf('inclusion', { ...inclusion, leafIndex: bad === 2 ? 2.5 : bad }),
      ...wrongOf('inclusion', { ...inclusion, treeSize: bad }),
      ...wrongOf('consistency', { ...consistency, size1: bad }),
      ...wrongOf('consistency', { ...consistency, size2: bad }),
      ...wrongOf('consistency', {
        ...consistency,
        size1: bad,
        size2: bad,
        root2: consistency.root1,
        proof: [],
      }),
    ]),
    ...wrongOf('inclusion', { ...inclusion, leafIndex: 2 }),
    ...wrongOf('consistency', { ...consistency, size1: 3 }),
    ...hashes.flatMap((bad) => [
      ...wrongOf('inclusion', { ...inclusion, leafHash: bad }),
      ...wrongOf('inclusion', { ...inclusion, root: bad }),
      ...wrongOf('inclusion', { leafIndex: 0n, treeSize: 1n, leafHash: bad, root: bad, proof: [] }),
      ...wrongOf('consistency', { ...consistency, root1: bad }),
      ...wrongOf('consistency', { ...consistency, root2: bad }),
      ...wrongOf('consistency', { size1: 4n, size2: 4n, root1: bad, root2: bad, proof: [] }),
    ]),
    ...proofs.flatMap((bad) => [
      ...wrongOf('inclusion', { ...inclusion, proof: bad }),
      ...wrongOf('consistency', { ...consistency, proof: bad }),
    ]),
    ...[undefined, null, 0, '', 'claim', [], {}].flatMap((bad) => [
      ...wrongOf('inclusion', bad),
      ...wrongOf('consistency', bad),
    ]),
  ]
}

function casesOf(
  verifier: ProofCase['verifier'],
  what: string,
  claim: object,
  wrong: Readonly<Record<string, object>>,
): ProofCase[] {
  return [
    { verifier, what, claim, expected: true },
    ...Object.entries(wrong).map(([why, change]) => ({
      verifier,
      what: `${what}: ${why}`,
      claim: { ...claim, ...change },
      expected: false,
    })),
  ]
}

function wrongOf(verifier: ProofCase['verifier'], claim: unknown): ProofCase[] {
  return [{ verifier, what: 'no claim', claim, expected: false }]
}
