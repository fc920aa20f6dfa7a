import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import { countIn, TokenTally } from './token-tally.ts'

test('what an engine reports at the end is shared out to the last chunk', () => {
  const tally = new TokenTally()
  assert.equal(tally.add(10, 1, undefined), 1)
  assert.equal(tally.add(10, 1, undefined), 1)
  assert.equal(tally.add(0, 0, 5), 3)
  assert.equal(tally.tokens, 5)
})

test('fewer reported than shown takes nothing back, and many more are not believed', () => {
  const tally = new TokenTally()
  tally.add(4, 4, 1)
  assert.equal(tally.tokens, 4)
  assert.equal(tally.add(0, 0, 1_000_000_000), 32)
  assert.equal(tally.tokens, 36)
})

test('no answer counts more than a consumer accepts, whatever the engine says', () => {
  const chunk = fc.tuple(fc.nat(20), fc.nat(50), fc.option(fc.maxSafeNat(), { nil: undefined }))
  fc.assert(
    fc.property(fc.array(chunk), (chunks) => {
      const tally = new TokenTally()
      let shown = 0
      let sum = 0
      for (const [bytes, seen, total] of chunks) {
        shown += bytes
        const tokens = tally.add(bytes, seen, total)
        sum += tokens
        assert.ok(Number.isSafeInteger(tokens) && tokens >= 0)
        assert.ok(tally.tokens <= shown + 32)
      }
      assert.equal(tally.tokens, sum)
    }),
  )
})

test.each([1.5, -1, Number.NaN, Number.POSITIVE_INFINITY, '7', null, 2 ** 60])(
  '%s is no count',
  (value) => assert.equal(countIn({ tokens: value }, 'tokens'), undefined),
)
