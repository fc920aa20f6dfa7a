import { expect, test } from 'vitest'
import { costLines } from './costs-text.ts'
import { shortened, sumOf } from './decimals.ts'

test.each([
  [['0.1', '0.2'], '0.3'],
  [['-1', '0.5'], '-0.5'],
  [['9007199254740993', '0.00000000000000001'], '9007199254740993.00000000000000001'],
  [[], '0'],
])('the sum of %j is exactly %s', (texts, sum) => {
  expect(sumOf(texts)).toBe(sum)
})

test.each([
  ['12.3456', '12.34'],
  ['0.000417', '0.00041'],
  ['3', '3.00'],
  ['-0.5', '-0.50'],
  ['0.000', '0.00'],
])('%s is shown as %s', (exact, shown) => {
  expect(shortened(exact)).toBe(shown)
})

const line = (key: string, amount: string, currency = 'EUR', unrated = 0n) => ({
  key,
  requests: 2n,
  inputTokens: 30n,
  outputTokens: 4n,
  costs: [{ currency, amount }],
  unrated,
})

test('costs are summed by currency, and what has no price is told apart', () => {
  expect(costLines('model', [line('a', '1.255'), line('', '0.5', 'USD', 3n)])).toEqual([
    'MODEL   REQUESTS  INPUT  OUTPUT  COST',
    'a       2         30     4       1.25 EUR',
    '(none)  2         30     4       0.50 USD',
    'total   4         60     8       1.25 EUR + 0.50 USD',
    'without a price: 3 requests, which are not in the costs',
  ])
  expect(costLines('tag', [line('a', '1')])).toHaveLength(2)
  expect(costLines('day', [])).toEqual(['nothing was used in this time'])
})
