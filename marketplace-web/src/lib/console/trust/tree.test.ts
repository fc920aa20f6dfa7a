import { expect, test } from 'vitest'
import { childrenOf, rootOf } from './tree.ts'

test('a tree splits at the largest power of two below its size', () => {
  expect(rootOf(0n)).toBeUndefined()
  expect(childrenOf({ from: 0n, until: 1n })).toEqual([])
  expect(childrenOf({ from: 0n, until: 8n })).toEqual([
    { from: 0n, until: 4n },
    { from: 4n, until: 8n },
  ])
  expect(childrenOf({ from: 4n, until: 11n })).toEqual([
    { from: 4n, until: 8n },
    { from: 8n, until: 11n },
  ])
})

test('going down always ends at single entries, and none is lost', () => {
  const leaves: bigint[] = []
  const walk = (from: bigint, until: bigint) => {
    const below = childrenOf({ from, until })
    if (below.length === 0) leaves.push(from)
    for (const node of below) walk(node.from, node.until)
  }
  walk(0n, 37n)
  expect(leaves).toEqual(Array.from({ length: 37 }, (_, i) => BigInt(i)))
})
