import { expect, test } from 'vitest'
import { typedCents, typedEuro, typedPercents } from './amount.ts'

test('amounts are read with a point and with a comma, exactly', () => {
  expect(typedEuro('250')).toBe(250n * 10n ** 12n)
  expect(typedEuro(' 0,50 ')).toBe(5n * 10n ** 11n)
  expect(typedCents('12.34')).toBe(1234n)
  for (const text of ['', '0', '-1', '1.2.3', '1e3', 'ten', '1,000.00'])
    expect(typedEuro(text), text).toBeUndefined()
  expect(typedCents('0.001')).toBeUndefined()
})

test('percentages are read in order, each once', () => {
  expect(typedPercents('80, 50 80 %')).toEqual([50, 80])
  expect(typedPercents('')).toEqual([])
  for (const text of ['0', '50.5', 'x', '1001']) expect(typedPercents(text), text).toBeUndefined()
})
