import { createHash, hkdfSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { SECRET, toHex } from '../testing/fixtures.ts'
import { utf8 } from '../wire.ts'
import { commit, commitPrompt, EMPTY_TRANSCRIPT, extendTranscript } from './commitment.ts'

test('commitments differ by use, by secret and by text', () => {
  const other = new Uint8Array(32)
  const digests = [
    commit(SECRET, 'prompt', EMPTY_TRANSCRIPT),
    commit(SECRET, { receipt: 0n }, EMPTY_TRANSCRIPT),
    commit(SECRET, { receipt: 1n }, EMPTY_TRANSCRIPT),
    commit(other, { receipt: 1n }, EMPTY_TRANSCRIPT),
    commitPrompt(SECRET, utf8('a')),
    commitPrompt(SECRET, utf8('b')),
  ].map(toHex)
  expect(new Set(digests).size).toBe(digests.length)
})

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

test('a transcript tells where one payload ends and the next begins', () => {
  const chain = (...payloads: string[]) =>
    toHex(payloads.reduce((state, text) => extendTranscript(state, utf8(text)), EMPTY_TRANSCRIPT))
  expect(chain('ab', 'c')).not.toBe(chain('a', 'bc'))
  expect(chain('ab')).not.toBe(chain('ab', ''))
  expect(chain()).toBe('00'.repeat(32))
})
