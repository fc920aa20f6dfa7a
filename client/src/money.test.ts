import { expect, test } from 'vitest'
import { euroText, formatEuro, parseEuro, picoOf, picoOfCents } from './money.ts'

test.each([
  ['0', 0n],
  ['12.5', 12_500_000_000_000n],
  ['-0.000000000001', -1n],
  ['9007199254740993.000000000001', 9_007_199_254_740_993_000_000_000_001n],
])('%s EUR is %s pico-euro, there and back', (text, amount) => {
  expect(parseEuro(text)).toBe(amount)
  expect(euroText(amount)).toBe(text)
})

test.each(['', '1,5', '.5', '1.', '1e3', ' 1', '0.0000000000001', '+1'])(
  '%j is no amount',
  (text) => {
    expect(() => parseEuro(text)).toThrow(RangeError)
  },
)

test('amounts and cents of answers are of one unit', () => {
  expect(picoOf('10000000000')).toBe(picoOfCents('1'))
  expect(() => picoOf('1.5')).toThrow(SyntaxError)
})

test('people read two places, or as many as show that it is not nothing', () => {
  expect(formatEuro(parseEuro('1234.5'), 'en')).toBe('€1,234.50')
  expect(formatEuro(parseEuro('1234.5'), 'de').replace(/\s/u, ' ')).toBe('1.234,50 €')
  expect(formatEuro(parseEuro('0.00000417'), 'en')).toBe('€0.0000042')
  expect(formatEuro(0n, 'en')).toBe('€0.00')
})
