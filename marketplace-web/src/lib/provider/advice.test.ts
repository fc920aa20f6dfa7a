import { expect, test } from 'vitest'
import type { Row } from '#lib/market/rows.ts'
import { picoEuro } from '#lib/money.ts'
import { adviceFor, mixedPrice } from './advice.ts'

const row = (provider: string, input: bigint, output: bigint, more: Partial<Row> = {}): Row => ({
  key: `${provider} ${more.model ?? 'm'}`,
  provider,
  model: 'm',
  aliases: [],
  country: 'DE',
  evidenceLevel: 1,
  inputPrice: picoEuro(input),
  outputPrice: picoEuro(output),
  credit: picoEuro(0n),
  contextLength: 4096,
  maxOutputTokens: 1024,
  slots: 2,
  freeSlots: 1,
  tokensPerSecond: null,
  quantization: null,
  notAfter: 0,
  seenAt: 0,
  against: undefined,
  ...more,
})
const near = (country: string, own: string) => country !== 'US' || own === 'US'
const others = [40n, 10n, 30n, 20n].map((price, at) => row(`other${at}`, price, price))
const among = (price: bigint, rows = others) =>
  adviceFor([row('me', price, price), ...rows], 'me', near)[0]

test('three tokens are read for each that is written', () => {
  expect(mixedPrice(row('a', 100n, 500n))).toBe(200n)
})

test('quartiles are prices that somebody asks', () => {
  expect(among(25n)?.quartiles).toEqual({ low: 10n, median: 20n, high: 30n })
  const five = [...others, row('other5', 50n, 50n)]
  expect(among(25n, five)?.quartiles).toEqual({ low: 20n, median: 30n, high: 40n })
})

test('a price stands where it is, and one that equals a quartile is in the middle', () => {
  const six = [...others, row('other5', 50n, 50n), row('other6', 60n, 60n)]
  const standings = [9n, 10n, 19n, 20n, 50n, 51n, 60n, 61n].map(
    (price) => among(price, six)?.standing,
  )
  expect(standings).toEqual([
    'cheapest',
    'lower',
    'lower',
    'middle',
    'middle',
    'upper',
    'upper',
    'dearest',
  ])
})

test('of three others nothing is concluded, but they are told', () => {
  const found = among(25n, others.slice(0, 3))
  expect(found).toMatchObject({ quartiles: undefined, standing: undefined })
  expect(found?.others.map(({ outputPrice }) => outputPrice)).toEqual([10n, 30n, 40n])
})

test('another model, a far country, what an attestor speaks against, and oneself are no rivals', () => {
  const mine = row('me', 5n, 5n, { model: 'm', key: 'me m again' })
  const rest = [
    row('a', 1n, 1n, { model: 'other' }),
    row('b', 1n, 1n, { country: 'US' }),
    row('c', 1n, 1n, { against: 'an attestor names another country' }),
  ]
  const found = adviceFor([mine, ...rest, ...others], 'me', near)
  expect(found).toHaveLength(1)
  expect(found[0]?.others).toHaveLength(4)
  expect(found[0]).toMatchObject({ freeElsewhere: 4, slotsElsewhere: 8 })
})

test('a node without offers has no advice', () => {
  expect(adviceFor(others, 'me', near)).toEqual([])
})
