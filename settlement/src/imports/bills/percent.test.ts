import { Decimal as Reference } from 'decimal.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decimalOf, format } from '../../costs/decimal.ts'
import { percentOf } from './percent.ts'

test('percentages are those of a library for decimals', () => {
  const Exact = Reference.clone({ precision: 100 })
  const number = fc
    .tuple(fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }), fc.nat(12))
    .map(([units, scale]) => decimalOf(units, scale))
  fc.assert(
    fc.property(number, number, (part, whole) => {
      const expected =
        whole.units === 0n
          ? undefined
          : new Exact(format(part))
              .div(format(whole))
              .mul(100)
              .toDecimalPlaces(2, Reference.ROUND_HALF_UP)
              .add(0)
              .toFixed()
      expect(percentOf(part, whole)).toBe(expected === '-0' ? '0' : expected)
    }),
  )
})
