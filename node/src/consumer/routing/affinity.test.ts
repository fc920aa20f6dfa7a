import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { Affinity } from './affinity.ts'

describe('conversations', () => {
  const salt = new Uint8Array(32).fill(1)

  test('are known by a hash that others cannot make', () => {
    const one = new Affinity(salt, 1_000)
    const key = one.keyOf('m', undefined, 'secret beginning')
    assert.ok(key !== undefined && !key.includes('secret'))
    assert.notEqual(
      new Affinity(new Uint8Array(32), 1_000).keyOf('m', undefined, 'secret beginning'),
      key,
    )
    assert.notEqual(one.keyOf('other', undefined, 'secret beginning'), key)
    // A name that looks like a beginning is another one.
    assert.notEqual(one.keyOf('m', 'secret beginning', undefined), key)
    assert.equal(one.keyOf('m', undefined, undefined), undefined)
  })

  test('are forgotten when there are too many, the oldest first', () => {
    const affinity = new Affinity(salt, 1_000)
    for (let i = 0; i <= 10_000; i++) affinity.served(`key ${i}`, 'a', 0)
    assert.equal(affinity.lastOf('key 0', 0), undefined)
    assert.equal(affinity.lastOf('key 1', 0), 'a')
  })
})
