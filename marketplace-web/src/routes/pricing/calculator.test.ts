import { expect, test } from 'vitest'
import { picoEuro } from '#lib/money.ts'
import type { Offer } from '#lib/offer.ts'
import {
  foreignText,
  inEuro,
  monthly,
  monthlyElsewhere,
  parseMillions,
  parseRate,
  priced,
} from './calculator.ts'

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

test('a month at a rate card is exact, in its own currency, and in euro at a rate that is typed', () => {
  const usage = { inputTokens: 30_000_000n, outputTokens: 10_000_000n }
  // 30 × 1.25 + 10 × 10 dollars.
  const amount = monthlyElsewhere(usage, { input: '1.25', output: '10' }) ?? 0n
  expect(amount).toBe(137_500_000_000_000_000_000n)
  expect(foreignText(amount, 'USD', 'en')).toBe('$137.50')
  expect(inEuro(amount, parseRate('0,9') ?? 0n)).toBe(123_750_000_000_000n)
  expect(
    monthlyElsewhere({ inputTokens: 1n, outputTokens: 0n }, { input: '0.05', output: '1' }),
  ).toBe(50_000_000_000n)
})

test('what is no price and no rate is none', () => {
  const usage = { inputTokens: 1n, outputTokens: 1n }
  for (const bad of ['-1', '', '1e3', 'free'])
    expect(monthlyElsewhere(usage, { input: bad, output: '1' })).toBeUndefined()
  for (const bad of ['', '0', '-1', 'much']) expect(parseRate(bad)).toBeUndefined()
})
