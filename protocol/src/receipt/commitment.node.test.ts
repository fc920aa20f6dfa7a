import { createHash, hkdfSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { SECRET, toHex } from '../testing/fixtures.ts'
import { commit } from './commitment.ts'

test('the salt is what HKDF of RFC 5869 gives', () => {
  const digest = new Uint8Array(32).fill(7)
  const none = new Uint8Array()
  for (const [what, label] of [
    ['prompt', 'prompt'],
    [{ receipt: 12n }, 'receipt/12'],
  ] as const) {
    const salt = hkdfSync('sha256', SECRET, none, `hanse/v1/salt/${label}`, 32)
    const hash = createHash('sha256').update('hanse/v1/commitment')
    hash.update(new Uint8Array(salt)).update(digest)
    expect(toHex(commit(SECRET, what, digest))).toBe(hash.digest('hex'))
  }
})
