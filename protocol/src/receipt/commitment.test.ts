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

test('a transcript tells where one payload ends and the next begins', () => {
  const chain = (...payloads: string[]) =>
    toHex(payloads.reduce((state, text) => extendTranscript(state, utf8(text)), EMPTY_TRANSCRIPT))
  expect(chain('ab', 'c')).not.toBe(chain('a', 'bc'))
  expect(chain('ab')).not.toBe(chain('ab', ''))
  expect(chain()).toBe('00'.repeat(32))
})
