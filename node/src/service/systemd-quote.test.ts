import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { quoteWord, wholeValue } from './systemd-quote.ts'

/** How systemd takes a line apart (systemd.syntax, Quoting), then its specifiers (systemd.unit). */
function unquote(line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const char = line[i] ?? ''
    if (char === '"') {
      quoted = !quoted
      word ??= ''
    } else if (char === '\\') {
      i++
      word = (word ?? '') + (line[i] ?? '')
    } else if (char === ' ' && !quoted) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      word = (word ?? '') + char
    }
  }
  assert.equal(quoted, false, 'an open quote')
  return [...words, ...(word === undefined ? [] : [word])].map((text) => {
    assert.doesNotMatch(text.replaceAll('%%', ''), /%/u, 'a specifier')
    return text.replaceAll('%%', '%')
  })
}

const printable = fc.string({ unit: 'grapheme' }).filter((text) => !/\p{Cc}/u.test(text))
const nasty = fc.string({
  unit: fc.constantFrom('"', '\\', '%', '$', ' ', ';', "'", '{', '}', '#', 'a', 'ü'),
})

describe('words of a unit', () => {
  test('come back as they were, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(printable, nasty), { maxLength: 6 }), (words) => {
        assert.deepEqual(unquote(words.map(quoteWord).join(' ')), words)
      }),
      { numRuns: 1000 },
    )
  })

  test('with control characters are refused, for they could begin a new line of the unit', () => {
    for (const word of ['a\nExecStartPre=/bin/false', 'a\r', '\u0000', '\u007f', 'tab\t']) {
      assert.throws(() => quoteWord(word), { code: 'HANSE_CONFIG_INVALID' })
      assert.throws(() => wholeValue(word), { code: 'HANSE_CONFIG_INVALID' })
    }
  })

  test('whole values keep their spaces, and are refused where systemd would cut them', () => {
    assert.equal(wholeValue('/home/a b/100%'), '/home/a b/100%%')
    for (const value of [' /a', '/a ', '/a\\'])
      assert.throws(() => wholeValue(value), { code: 'HANSE_CONFIG_INVALID' })
  })
})
