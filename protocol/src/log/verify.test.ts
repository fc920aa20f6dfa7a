import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256 } from '#crypto'
import { RUNS } from '../testing/fixtures.ts'
import { concat, utf8 } from '../wire.ts'
import { leafHash } from './hash.ts'
import { edgeCases } from './testdata/proof-cases.ts'
import { Frontier, proveConsistency, proveInclusion, rootOf, rootOfLeaves } from './tree.ts'
import { verifyConsistency, verifyInclusion } from './verify.ts'

/** RFC 6962, 2.1, word for word, to compare with. */
const model = {
  root(entries: readonly Uint8Array[]): Uint8Array {
    const [first] = entries
    if (first === undefined) return sha256(new Uint8Array(0))
    if (entries.length === 1) return sha256(concat([Uint8Array.of(0), first]))
    const k = split(entries.length)
    return sha256(
      concat([Uint8Array.of(1), model.root(entries.slice(0, k)), model.root(entries.slice(k))]),
    )
  },
  path(m: number, entries: readonly Uint8Array[]): Uint8Array[] {
    if (entries.length <= 1) return []
    const k = split(entries.length)
    const [left, right] = [entries.slice(0, k), entries.slice(k)]
    return m < k
      ? [...model.path(m, left), model.root(right)]
      : [...model.path(m - k, right), model.root(left)]
  },
  subproof(m: number, entries: readonly Uint8Array[], isWhole: boolean): Uint8Array[] {
    if (m === entries.length) return isWhole ? [] : [model.root(entries)]
    const k = split(entries.length)
    const [left, right] = [entries.slice(0, k), entries.slice(k)]
    return m <= k
      ? [...model.subproof(m, left, isWhole), model.root(right)]
      : [...model.subproof(m - k, right, false), model.root(left)]
  },
}

function split(count: number): number {
  let k = 1
  while (k * 2 < count) k *= 2
  return k
}

const ENTRIES = Array.from({ length: 300 }, (_, i) => utf8(`entry ${i}`))
const HASHES = ENTRIES.map(leafHash)

describe('trees', () => {
  test('of each size up to 300 have the root of the definition, whole or grown leaf by leaf', () => {
    const frontier = new Frontier()
    for (let size = 0; size <= 300; size++) {
      const root = model.root(ENTRIES.slice(0, size))
      expect(rootOf(ENTRIES.slice(0, size))).toEqual(root)
      expect(rootOfLeaves(HASHES.slice(0, size))).toEqual(root)
      expect(frontier.size).toBe(BigInt(size))
      expect(frontier.root()).toEqual(root)
      frontier.append(HASHES[size] ?? root)
    }
  })

  test('have the proofs of the definition, and these verify', () => {
    const sizes = fc
      .nat(299)
      .chain((at) => fc.tuple(fc.constant(at), fc.integer({ min: at + 1, max: 300 })))
    fc.assert(
      fc.property(sizes, ([at, size]) => {
        const entries = ENTRIES.slice(0, size)
        const hashes = HASHES.slice(0, size)
        const root = model.root(entries)
        const proof = proveInclusion(hashes, BigInt(at))
        expect(proof).toEqual(model.path(at, entries))
        const [leafIndex, treeSize] = [BigInt(at), BigInt(size)]
        const leaf = HASHES[at] ?? root
        expect(verifyInclusion({ leafIndex, treeSize, leafHash: leaf, proof, root })).toBe(true)
        const size1 = BigInt(at + 1)
        const consistency = proveConsistency(hashes, size1)
        expect(consistency).toEqual(model.subproof(at + 1, entries, true))
        const root1 = model.root(ENTRIES.slice(0, at + 1))
        const sizes = { size1, size2: treeSize }
        expect(verifyConsistency({ ...sizes, root1, root2: root, proof: consistency })).toBe(true)
      }),
      { numRuns: RUNS.signed },
    )
  }, 60_000)

  test('are asked only for what they have', () => {
    for (const index of [-1n, 3n, 2n ** 64n]) {
      expect(() => proveInclusion(HASHES.slice(0, 3), index)).toThrow(RangeError)
    }
    for (const size of [-1n, 4n, 2n ** 64n]) {
      expect(() => proveConsistency(HASHES.slice(0, 3), size)).toThrow(RangeError)
    }
    expect(proveConsistency(HASHES.slice(0, 3), 0n)).toEqual([])
  })
})

describe('verifiers', () => {
  const verifiers = {
    inclusion: verifyInclusion as (claim: unknown) => boolean,
    consistency: verifyConsistency as (claim: unknown) => boolean,
  }

  test('answer the edge cases at once', () => {
    for (const { verifier, what, claim, expected } of edgeCases()) {
      const started = performance.now()
      expect([what, verifiers[verifier](claim)]).toEqual([what, expected])
      expect([what, performance.now() - started < 1000]).toEqual([what, true])
    }
  })

  test('refuse whatever was changed in a right claim', () => {
    const size = fc.integer({ min: 2, max: 300 })
    fc.assert(
      fc.property(
        size,
        fc.nat(),
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        (count, a, b, bit) => {
          const hashes = HASHES.slice(0, count)
          const root = rootOfLeaves(hashes)
          const at = a % count
          const flip = (hash: Uint8Array) => {
            const flipped = Uint8Array.from(hash)
            flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
            return flipped
          }
          const proof = proveInclusion(hashes, BigInt(at))
          const leaf = HASHES[at] ?? root
          const claim = {
            leafIndex: BigInt(at),
            treeSize: BigInt(count),
            leafHash: leaf,
            proof,
            root,
          }
          const spoil = (list: readonly Uint8Array[]) =>
            list.map((hash, i) => (i === b % list.length ? flip(hash) : hash))
          expect(verifyInclusion({ ...claim, leafHash: flip(leaf) })).toBe(false)
          expect(verifyInclusion({ ...claim, root: flip(root) })).toBe(false)
          expect(verifyInclusion({ ...claim, proof: spoil(proof) })).toBe(false)
          expect(
            verifyInclusion({ ...claim, leafIndex: BigInt((at + 1 + (b % (count - 1))) % count) }),
          ).toBe(false)
          const size1 = 1 + (a % (count - 1))
          const root1 = rootOfLeaves(hashes.slice(0, size1))
          const consistency = proveConsistency(hashes, BigInt(size1))
          const growth = {
            size1: BigInt(size1),
            size2: BigInt(count),
            root1,
            root2: root,
            proof: consistency,
          }
          expect(verifyConsistency(growth)).toBe(true)
          expect(verifyConsistency({ ...growth, root1: flip(root1) })).toBe(false)
          expect(verifyConsistency({ ...growth, root2: flip(root) })).toBe(false)
          expect(verifyConsistency({ ...growth, proof: spoil(consistency) })).toBe(false)
          expect(verifyConsistency({ ...growth, proof: [...consistency, root] })).toBe(false)
          expect(verifyConsistency({ ...growth, proof: consistency.slice(1) })).toBe(false)
        },
      ),
      { numRuns: RUNS.signed },
    )
  })
})
