import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { clean, cleanProse, pad, padLeft, shorten, widthOf } from './terminal-text.ts'

describe('text on a terminal', () => {
  test.each([
    ['abc', 3],
    ['ü', 1],
    ['u\u0308', 1],
    ['模型', 4],
    ['ｶﾅ', 2],
    ['한글', 4],
    ['🚀', 2],
    ['█▇▁', 3],
    ['', 0],
  ])('%s takes %i columns', (text, width) => {
    assert.equal(widthOf(text), width)
  })

  test('is cut between characters, never within one, and says so', () => {
    assert.equal(shorten('abcdef', 4), 'abc…')
    assert.equal(shorten('模型模型', 4), '模…')
    assert.equal(shorten('模型模型', 5), '模型…')
    assert.equal(shorten('abc', 3), 'abc')
    assert.equal(shorten('abc', 0), '')
  })

  test('is filled to a width exactly', () => {
    for (const text of ['', 'a', '模型', 'longer than that'])
      for (const columns of [0, 1, 3, 8]) {
        assert.equal(widthOf(pad(text, columns)), columns)
        assert.equal(widthOf(padLeft(text, columns)), columns)
      }
  })

  test('of strangers cannot move the cursor or turn the line around', () => {
    assert.equal(clean('a\u001b[2J\u009b1m\u202eb\nc\u0000'), 'a·[2J·1m·b·c·')
  })

  test('as prose keeps its lines and scripts, and still moves no cursor', () => {
    const prose = 'one\r\n\ttwo 👩‍💻 می‌خواهم'
    assert.equal(cleanProse(prose), prose.replace('\r', ''))
    assert.equal(cleanProse('a\u001b[2J\u009b1m\u202eb\u2066c\u0000'), 'a·[2J·1m·b·c·')
  })
})
