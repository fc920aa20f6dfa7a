import { expect, test } from 'vitest'
import { picoEuro } from '#lib/money.ts'
import type { Offer } from '#lib/offer.ts'
import { monthly, parseMillions, priced } from './calculator.ts'

const offer = (provider: string, model: string, input: bigint, output: bigint) =>
  ({ provider, model, inputPrice: picoEuro(input), outputPrice: picoEuro(output) }) as Offer

test('millions of tokens are read with a point or a comma', () => {
  expect(parseMillions('12')).toBe(12_000_000n)
  expect(parseMillions('0,5')).toBe(500_000n)
  for (const bad of ['', '-1', '1e3', 'many', '9999999999'])
    expect(parseMillions(bad)).toBeUndefined()
})

test('a month costs tokens times price, exactly', () => {
  const usage = { inputTokens: 10_000_000n, outputTokens: 2_000_000n }
  // 0.10 and 0.40 EUR per million tokens: 1.00 and 0.80 EUR.
  expect(monthly(usage, offer('a', 'x', 100_000n, 400_000n))).toBe(1_800_000_000_000n)
})

test('offers of the model are listed from the cheapest month on, whatever is read or written more', () => {
  const offers = [offer('a', 'x', 1n, 9n), offer('b', 'x', 4n, 4n), offer('c', 'y', 1n, 1n)]
  const names = (inputTokens: bigint, outputTokens: bigint) =>
    priced(offers, 'x', { inputTokens, outputTokens }).map(({ offer: { provider } }) => provider)
  expect(names(10n, 1n)).toEqual(['a', 'b'])
  expect(names(1n, 10n)).toEqual(['b', 'a'])
})
