import { expect, test } from 'vitest'
import { aligned, columnDecimals, decimalsOf } from './aligned.ts'

test('a number needs as many digits as it has, and none for the zeros at its end', () => {
  expect([0n, 1n, 10n, 480_000n, 1_000_000n].map((value) => decimalsOf(value, 6))).toEqual([
    0, 6, 5, 2, 0,
  ])
})

test('a column has the digits of its longest number, within bounds', () => {
  expect(columnDecimals([], 6, 2, 4)).toBe(2)
  expect(columnDecimals([251_370_000n, 312_500_000n], 6, 2, 4)).toBe(2)
  expect(columnDecimals([279_000n, 292_500n], 6, 2, 4)).toBe(4)
  expect(columnDecimals([1n], 6, 2, 4)).toBe(4)
})

test('all numbers of a column end at the same digit, exactly', () => {
  expect(aligned(480_000_000n, 12, 6, 'en')).toBe('0.000480')
  expect(aligned(123_456_789_012_345_678n, 12, 12, 'en')).toBe('123,456.789012345678')
  expect(aligned(480_000_000n, 12, 6, 'de', { style: 'currency', currency: 'EUR' })).toBe(
    '0,000480\u00a0€',
  )
})
