import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { type Paint, prettyLine } from './pretty-line.ts'

const plain: Paint = (_colour, text) => text

describe('a log line for people', () => {
  test('has time, level, message and facts, and no process id', () => {
    const time = new Date(2026, 0, 2, 3, 4, 5, 6).getTime()
    const line = JSON.stringify({
      level: 40,
      time,
      pid: 1,
      hostname: 'box',
      session: 'bafy',
      cause: 'two words',
      n: 3,
      msg: 'session ended',
    })
    assert.equal(
      prettyLine(line, plain),
      '2026-01-02 03:04:05.006 WARN  session ended session=bafy cause="two words" n=3',
    )
  })

  test('cannot move the cursor, whatever an engine said', () => {
    const line = JSON.stringify({
      level: 30,
      time: 0,
      msg: 'a\u001b[2Jb\u0007',
      'k\u001b': '\u202eevil',
    })
    assert.doesNotMatch(prettyLine(line, plain), /[\p{Control}\p{Format}]/u)
  })

  test.each(['not JSON\u001b[31m', '[1,2]', 'null', '"text"', ''])(
    'that is %j is shown',
    (line) => {
      assert.ok(prettyLine(line, plain).length >= 0)
      assert.ok(!prettyLine(line, plain).includes('\u001b'))
    },
  )
})
