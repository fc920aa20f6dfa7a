import assert from 'node:assert/strict'
import { test } from 'vitest'
import { fail, ok, unknown, warn } from './finding.ts'
import { printed } from './print.ts'

const plain = (_colour: string, text: string): string => text

test('causes stand on top, advice below its finding, counts in the last line', () => {
  const text = printed(
    'provider',
    [
      ok('a.one', 'this is well'),
      fail('b.two', 'this is broken', 'Mend it.'),
      warn('machine.memory', 'little memory', 'Close something.'),
      unknown('c.three', 'who knows', 'Look again.'),
    ],
    plain,
  )
  assert.equal(
    text,
    [
      'provider: why no work comes, the likeliest first',
      '  1. this is broken (b.two)',
      '',
      '✓ this is well a.one',
      '✗ this is broken b.two',
      '    Mend it.',
      '! little memory machine.memory',
      '    Close something.',
      '? who knows c.three',
      '    Look again.',
      '',
      '4 checks: 1 ok, 1 to look at, 1 failed, 1 not known',
    ].join('\n'),
  )
})

test('a healthy program gets no list of causes', () => {
  assert.match(printed('gateway', [ok('a.one', 'well')], plain), /^gateway: nothing found/u)
})
