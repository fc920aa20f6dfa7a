import assert from 'node:assert/strict'
import { test } from 'vitest'
import { fractions } from './fractions.ts'

test('fractions are numbers from 0 to below 1, of bytes that are asked for seldom', () => {
  let asked = 0
  const next = fractions((bytes) => {
    asked++
    return new Uint8Array(bytes).fill(asked === 1 ? 0xff : 0)
  })
  const all = Array.from({ length: 128 }, next)
  assert.ok(all.every((value) => value >= 0 && value < 1))
  assert.equal(all.at(-1), 0)
  assert.equal(asked, 2)
})
