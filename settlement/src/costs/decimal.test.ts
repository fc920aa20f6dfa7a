import { Decimal as Oracle } from 'decimal.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { add, compare, decimal, decimalOf, format, multiply, subtract } from './decimal.ts'
import { convert } from './exchange.ts'
import { percentChange, roundAmount, roundTo } from './round-amount.ts'

const Exact = Oracle.clone({ precision: 200, toExpPos: 200, toExpNeg: -200, rounding: 4 })
const any = fc
  .tuple(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.integer({ min: 0, max: 30 }))
  .map(([units, scale]) => decimalOf(units, scale))

test('sums, products and order are those of an independent implementation', () => {
  fc.assert(
    fc.property(any, any, (a, b) => {
      const [x, y] = [new Exact(format(a)), new Exact(format(b))]
      expect(format(add(a, b))).toBe(x.plus(y).toFixed())
      expect(format(subtract(a, b))).toBe(x.minus(y).toFixed())
      expect(format(multiply(a, b))).toBe(x.times(y).toFixed())
      expect(compare(a, b)).toBe(x.cmp(y))
      expect(decimal(format(a))).toEqual(a)
      expect(new Exact(format(roundTo(a, 3))).equals(x.toDecimalPlaces(3))).toBe(true)
    }),
    { numRuns: 500 },
  )
})

test('numbers are read as they are written', () => {
  const texts = ['1.25e-06', '3e-7', '1E2', '-0.10', '007', '0.0', '1.5e1']
  expect(texts.map((text) => format(decimal(text)))).toEqual([
    '0.00000125',
    '0.0000003',
    '100',
    '-0.1',
    '7',
    '0',
    '15',
  ])
  const wrong = ['', '1,5', '.5', '5.', 'NaN', '1e', '0x1', ' 1', '1e99', '9'.repeat(65)]
  for (const text of wrong) expect(() => decimal(text), text).toThrow(RangeError)
  expect(() => decimal(0.1)).toThrow(RangeError)
})

test('an amount is rounded to the smallest unit of its currency, half away from zero', () => {
  const rounded = (text: string, currency: string) => format(roundAmount(decimal(text), currency))
  expect(['0.005', '0.0049999', '-0.005', '2'].map((text) => rounded(text, 'EUR'))).toEqual([
    '0.01',
    '0',
    '-0.01',
    '2',
  ])
  expect([rounded('1.5', 'JPY'), rounded('0.0005', 'KWD')]).toEqual(['2', '0.001'])
})

test('a change in percent says how much more it is', () => {
  const change = (a: string, b: string) => {
    const percent = percentChange(decimal(a), decimal(b))
    return percent && format(percent)
  }
  expect([change('3', '4'), change('4', '3'), change('2', '2')]).toEqual(['33.33', '-25', '0'])
  expect([change('0', '3'), change('0.000003', '0.00003')]).toEqual([null, '900'])
})

test('money is converted at the newest rate of the day or before, and only as it is quoted', () => {
  const rates = [
    { from: 'USD', to: 'EUR', date: '2026-10-15', rate: decimal('0.9') },
    { from: 'USD', to: 'EUR', date: '2026-10-01', rate: decimal('0.87654321') },
  ]
  const on = (date: string, from = 'USD', to = 'EUR') =>
    format(convert(decimal('2'), { from, to, date }, rates))
  expect([on('2026-10-14'), on('2026-10-15'), on('2027-01-01')]).toEqual([
    '1.75308642',
    '1.8',
    '1.8',
  ])
  expect(on('2020-01-01', 'EUR', 'EUR')).toBe('2')
  const unknown = expect.objectContaining({ code: 'HANSE_EXCHANGE_RATE_UNKNOWN' })
  expect(() => on('2026-09-30')).toThrow(unknown)
  expect(() => on('2026-10-15', 'EUR', 'USD')).toThrow(unknown)
})
