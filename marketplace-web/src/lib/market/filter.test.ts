import { expect, test } from 'vitest'
import { picoEuro } from '#lib/money.ts'
import { type Filter, isFiltering, isPrice, isSpeed, narrowed, noFilter } from './filter.ts'
import type { Row } from './rows.ts'

const row = (changes: Partial<Row>): Row => ({
  key: `${changes.provider ?? 'a'} ${changes.model ?? 'm'}`,
  provider: 'a',
  model: 'm',
  aliases: [],
  country: 'DE',
  evidenceLevel: 3,
  inputPrice: picoEuro(100_000n),
  outputPrice: picoEuro(500_000n),
  credit: picoEuro(0n),
  contextLength: 8_192,
  maxOutputTokens: 4_096,
  slots: 4,
  freeSlots: 2,
  tokensPerSecond: 40,
  quantization: null,
  notAfter: 0,
  seenAt: 0,
  against: undefined,
  ...changes,
})
const rows = [
  row({ provider: 'a' }),
  row({ provider: 'b', country: 'NO', outputPrice: picoEuro(500_001n) }),
  row({ provider: 'c', country: 'US', model: 'n', tokensPerSecond: null, freeSlots: 0 }),
  row({ provider: 'd', country: 'FR', evidenceLevel: 0, tokensPerSecond: 39 }),
]
const found = (filter: Partial<Filter>) =>
  narrowed(rows, { ...noFilter, ...filter })
    .map(({ provider }) => provider)
    .join('')

test('without a condition all rows are there', () => {
  expect(found({})).toBe('abcd')
  expect(isFiltering(noFilter)).toBe(false)
})

test('regions hold their countries', () => {
  expect(found({ region: 'EU' })).toBe('ad')
  expect(found({ region: 'EEA' })).toBe('abd')
  expect(found({ region: 'US' })).toBe('c')
})

test('a limit holds who just meets it, and prices are compared exactly', () => {
  expect(found({ price: '0.5' })).toBe('acd')
  expect(found({ price: '0,500001' })).toBe('abcd')
  expect(found({ speed: '40' })).toBe('ab')
  expect(found({ level: '3' })).toBe('abc')
})

test('a speed that nobody measured is not fast, and is there without the condition', () => {
  expect(found({ speed: '1' })).toBe('abd')
  expect(found({ speed: '0' })).toBe('abcd')
})

test('conditions hold together', () => {
  expect(found({ model: 'm', isFree: true, region: 'EU', level: '1' })).toBe('a')
  expect(isFiltering({ ...noFilter, isFree: true })).toBe(true)
})

test('what is not a number yet is no condition, and is known for what it is', () => {
  expect(found({ price: 'x', speed: '-3' })).toBe('abcd')
  expect([isPrice('0.25'), isPrice('0,25'), isPrice(''), isPrice('1e3')]).toEqual([
    true,
    true,
    true,
    false,
  ])
  expect([isSpeed('20'), isSpeed(' '), isSpeed('2.5')]).toEqual([true, true, false])
})
