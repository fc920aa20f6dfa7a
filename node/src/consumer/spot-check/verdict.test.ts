import type { PeerId } from '@hanse/protocol'
import { expect, test } from 'vitest'
import { type Pair, standings } from './verdict.ts'

const pair = (names: string, differ: boolean): Pair => ({
  first: names[0] as PeerId,
  second: names[1] as PeerId,
  differ,
})

test.each<[string, Pair[], Record<string, string>]>([
  ['two agree', [pair('ab', false)], { a: 'confirmed', b: 'confirmed' }],
  ['two differ', [pair('ab', true)], { a: 'doubtful', b: 'doubtful' }],
  [
    'a third agrees with the first',
    [pair('ab', true), pair('ac', false), pair('bc', true)],
    { a: 'confirmed', b: 'refuted', c: 'confirmed' },
  ],
  [
    'a third agrees with the second',
    [pair('ab', true), pair('ac', true), pair('bc', false)],
    { a: 'refuted', b: 'confirmed', c: 'confirmed' },
  ],
  [
    'all differ',
    [pair('ab', true), pair('ac', true), pair('bc', true)],
    { a: 'doubtful', b: 'doubtful', c: 'doubtful' },
  ],
])('%s', (_, pairs, expected) => {
  expect(Object.fromEntries(standings(pairs))).toEqual(expected)
})
