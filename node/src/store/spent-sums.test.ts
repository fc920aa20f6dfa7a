import assert from 'node:assert/strict'
import { test } from 'vitest'
import { SpentSums } from './spent-sums.ts'

test('sums are read once, and follow the last receipt of every session that goes on', () => {
  const sums = new SpentSums()
  let reads = 0
  const receipts = new Map<string, bigint>([['before', 100n]])
  const under = () =>
    sums.under('one', () => {
      reads++
      return [...receipts]
    })
  const add = (session: string, amount: bigint) => {
    receipts.set(session, amount)
    sums.add(session, amount)
  }
  sums.begin('early', 'one')
  add('early', 5n)
  assert.equal(under(), 105n)
  add('early', 7n)
  sums.begin('late', 'one')
  sums.begin('other', 'two')
  sums.begin('free', null)
  add('late', 20n)
  add('late', 30n)
  sums.add('other', 1_000n)
  sums.add('free', 1_000n)
  sums.end('early')
  assert.equal(under(), 137n)
  assert.equal(reads, 1)
  sums.clear()
  assert.equal(under(), 137n)
  assert.equal(reads, 2)
})
