import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  amountOf,
  formatEuro,
  formatPrice,
  PICO_PER_CENT,
  PICO_PER_EURO,
  parseEuro,
  parsePrice,
  picoEuro,
  splitCents,
} from './money.ts'
import { RUNS } from './testing/fixtures.ts'

describe('prices', () => {
  test.each([
    ['0.20 EUR/Mtok', 200_000n, '0.20 EUR/Mtok'],
    ['0.20', 200_000n, '0.20 EUR/Mtok'],
    ['12', 12_000_000n, '12.00 EUR/Mtok'],
    [' 0.000001 eur / mtok ', 1n, '0.000001 EUR/Mtok'],
    ['0', 0n, '0.00 EUR/Mtok'],
    ['999999999.999999', 999_999_999_999_999n, '999999999.999999 EUR/Mtok'],
  ])('%s is %s pico-euro a token', (text, price, printed) => {
    expect(parsePrice(text)).toBe(price)
    expect(formatPrice(picoEuro(price))).toBe(printed)
  })

  test.each([
    '',
    '.5',
    '1.',
    '-1',
    '+1',
    '1e3',
    '0.1234567',
    '1,50',
    '1 USD/Mtok',
    '1 EUR',
    '1234567890',
    '٣',
    'NaN',
    '0x10',
    '1 EUR/Mtok 2',
    'Infinity',
  ])('%j is not a price', (text) => {
    expect(() => parsePrice(text)).toThrow(expect.objectContaining({ code: 'HANSE_PRICE_INVALID' }))
  })

  test('what is printed reads back to the same price', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 999_999_999_999_999n), (price) => {
        expect(parsePrice(formatPrice(picoEuro(price)))).toBe(price)
      }),
      { numRuns: RUNS.cheap },
    )
  })
})

describe('amounts', () => {
  test.each([
    ['1.50 EUR', 1_500_000_000_000n],
    ['0.000000000001', 1n],
    [' 12 eur ', 12_000_000_000_000n],
  ])('%s is %s pico-euro', (text, amount) => {
    expect(parseEuro(text)).toBe(amount)
    expect(parseEuro(formatEuro(picoEuro(amount)))).toBe(amount)
  })

  test.each(['', '-1', '1,50', '1 USD', '1e3', '1 EUR/Mtok', '0.1234567890123'])(
    '%j is no amount',
    (text) => {
      const fault = expect.objectContaining({ code: 'HANSE_PRICE_INVALID' })
      expect(() => parseEuro(text)).toThrow(fault)
    },
  )

  test('tokens times price is exact far beyond what a double holds', () => {
    expect(amountOf(9_007_199_254_740_993n, picoEuro(3n))).toBe(27_021_597_764_222_979n)
  })

  test('a negative count is a programming fault', () => {
    expect(() => amountOf(-1n, picoEuro(1n))).toThrow(RangeError)
  })

  test.each([
    [0n, '0.00 EUR'],
    [PICO_PER_EURO, '1.00 EUR'],
    [12_300_000_000n, '0.0123 EUR'],
    [1n, '0.000000000001 EUR'],
    [-PICO_PER_CENT, '-0.01 EUR'],
    [-1n, '-0.000000000001 EUR'],
  ])('%s pico-euro print as %s', (value, text) => {
    expect(formatEuro(picoEuro(value))).toBe(text)
  })

  test('whole cents and the remainder make the amount again', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 63n - 1n), (value) => {
        const { cents, remainder } = splitCents(picoEuro(value))
        expect(cents * PICO_PER_CENT + remainder).toBe(value)
        expect(remainder >= 0n && remainder < PICO_PER_CENT).toBe(true)
      }),
      { numRuns: RUNS.cheap },
    )
  })
})
