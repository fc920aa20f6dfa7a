import { expect, test } from 'vitest'
import { choices, filtered, noFilter } from './filter.ts'
import type { PicoEuro } from './money.ts'
import type { Offer } from './offer.ts'
import { columns, nextOrder, type Order, rowKey, sorted } from './sort.ts'

function offer(provider: string, changes: Partial<Offer> = {}): Offer {
  return {
    provider,
    model: 'hanse/tiny-v1:f16',
    country: 'DE',
    evidenceLevel: 3,
    inputPrice: 60_000_000n as PicoEuro,
    outputPrice: 250_000_000n as PicoEuro,
    contextLength: 512,
    slots: 2,
    freeSlots: 1,
    tokensPerSecond: 10,
    quantization: 'F16',
    addresses: [`/dns4/${provider.toLowerCase()}.example/tcp/4001`],
    notAfter: 2,
    seenAt: 1,
    ...changes,
  }
}

const rows = [
  offer('B', { outputPrice: 9_007_199_254_740_993n as PicoEuro, tokensPerSecond: null }),
  offer('C', { outputPrice: 9_007_199_254_740_992n as PicoEuro, country: 'FR' }),
  offer('A', { outputPrice: 1n as PicoEuro, tokensPerSecond: 90, model: 'hanse/large-v1:q8' }),
]
const providers = (list: readonly Offer[]) => list.map((row) => row.provider).join('')
const by = (column: Order['column'], direction: Order['direction'] = 'ascending') => ({
  column,
  direction,
})

test('prices sort exactly, also where a double could not tell them apart', () => {
  expect(providers(sorted(rows, by('outputPrice')))).toBe('ACB')
  expect(providers(sorted(rows, by('outputPrice', 'descending')))).toBe('BCA')
})

test('what is unknown comes last in both directions', () => {
  expect(providers(sorted(rows, by('tokensPerSecond')))).toBe('CAB')
  expect(providers(sorted(rows, by('tokensPerSecond', 'descending')))).toBe('ACB')
})

test('ties keep one order whatever the gateway sent first, in every column', () => {
  const ties = [offer('B'), offer('A'), offer('C')]
  for (const column of columns.filter((name) => name !== 'provider')) {
    for (const direction of ['ascending', 'descending'] as const) {
      expect(providers(sorted(ties, { column, direction })), column).toBe('ABC')
      expect(providers(sorted(ties.toReversed(), { column, direction })), column).toBe('ABC')
    }
  }
})

test('sorting leaves the list it was given alone', () => {
  sorted(rows, by('provider'))
  expect(providers(rows)).toBe('BCA')
})

test('a header sorts its own best side first, then turns', () => {
  const price = nextOrder(by('model'), 'outputPrice')
  expect(price).toEqual(by('outputPrice'))
  expect(nextOrder(price, 'outputPrice')).toEqual(by('outputPrice', 'descending'))
  expect(nextOrder(price, 'freeSlots')).toEqual(by('freeSlots', 'descending'))
})

test('two models of one provider are two rows', () => {
  expect(rowKey(offer('A'))).not.toBe(rowKey(offer('A', { model: 'hanse/large-v1:q8' })))
})

test('no filter keeps all, and each filter narrows', () => {
  expect(filtered(rows, noFilter)).toEqual(rows)
  expect(providers(filtered(rows, { ...noFilter, country: 'FR' }))).toBe('C')
  expect(providers(filtered(rows, { ...noFilter, model: 'hanse/large-v1:q8' }))).toBe('A')
  expect(filtered(rows, { text: '', model: 'hanse/large-v1:q8', country: 'FR' })).toEqual([])
})

test('a search takes every word, in any case and order, over model, country and address', () => {
  expect(providers(filtered(rows, { ...noFilter, text: '  FR tiny ' }))).toBe('C')
  expect(providers(filtered(rows, { ...noFilter, text: 'a.EXAMPLE' }))).toBe('A')
  expect(filtered(rows, { ...noFilter, text: 'tiny large' })).toEqual([])
})

test('the choices are each value once, in order', () => {
  expect(choices(rows, 'country')).toEqual(['DE', 'FR'])
  expect(choices(rows, 'model')).toEqual(['hanse/large-v1:q8', 'hanse/tiny-v1:f16'])
})
