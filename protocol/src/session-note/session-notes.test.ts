import { describe, expect, test } from 'vitest'
import { encodeCanonical } from '../wire.ts'
import {
  decodeSessionNotes,
  encodeSessionNotes,
  NOTE_TAGS_MAX,
  NOTE_TEXT_CHARS_MAX,
  SESSION_NOTES_MAX,
  type SessionNote,
} from './session-notes.ts'

const note: SessionNote = {
  session: 'bafyreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy',
  tags: ['team:web', 'prompt:7'],
  user: 'u-1',
  firstMs: 120,
  totalMs: 4_500,
  receipt: Uint8Array.of(1, 2, 3),
}
const bare: SessionNote = {
  ...note,
  tags: [],
  user: null,
  firstMs: null,
  totalMs: null,
  receipt: null,
}

describe('session notes', () => {
  test('come back as they were written', () => {
    expect(decodeSessionNotes(encodeSessionNotes([note, bare]))).toEqual([note, bare])
  })

  test('of the greatest size that is allowed are read', () => {
    const tags = Array.from({ length: NOTE_TAGS_MAX }, (_, i) =>
      `${i}`.padEnd(NOTE_TEXT_CHARS_MAX, 'x'),
    )
    const notes = Array.from({ length: SESSION_NOTES_MAX }, () => ({
      ...note,
      tags,
      receipt: new Uint8Array(400),
    }))
    expect(decodeSessionNotes(encodeSessionNotes(notes))).toHaveLength(SESSION_NOTES_MAX)
  })

  test.each<[string, object]>([
    ['none', { notes: [] }],
    ['too many', { notes: Array.from({ length: SESSION_NOTES_MAX + 1 }, () => bare) }],
    ['a tag with a line break', { notes: [{ ...bare, tags: ['a\nb'] }] }],
    ['a tag that is too long', { notes: [{ ...bare, tags: ['x'.repeat(129)] }] }],
    ['a tag of nothing', { notes: [{ ...bare, tags: [''] }] }],
    ['too many tags', { notes: [{ ...bare, tags: Array(25).fill('x') }] }],
    ['a time before the beginning', { notes: [{ ...bare, firstMs: -1 }] }],
    ['a time of more than a day', { notes: [{ ...bare, totalMs: 86_400_001 }] }],
    ['words of a prompt', { notes: [{ ...bare, prompt: 'x' }] }],
    ['another thing', { items: [] }],
  ])('with %s are refused', (_what, body) => {
    expect(() => decodeSessionNotes(encodeCanonical(body))).toThrow(
      expect.objectContaining({ code: 'HANSE_REQUEST_INVALID' }),
    )
  })
})
