import { expect, test } from 'vitest'
import type { Row } from '#lib/market/rows.ts'
import { picoEuro } from '#lib/money.ts'
import { fitting, isOnCredit, mostOf, type Terms } from './terms.ts'

const row = (changes: Partial<Row>): Row =>
  ({
    provider: 'a',
    model: 'm',
    country: 'DE',
    evidenceLevel: 3,
    inputPrice: picoEuro(10n),
    outputPrice: picoEuro(20n),
    credit: picoEuro(0n),
    contextLength: 1_000,
    maxOutputTokens: 500,
    against: undefined,
    ...changes,
  }) as Row
const terms: Terms = { model: 'm', region: 'EU', level: 3, maxTokens: 100, hasMoney: false }

test('an answer costs at most a token for each byte asked, and the longest answer', () => {
  expect(mostOf(row({}), 36, 100)).toBe(100n * 10n + 100n * 20n)
})

test('no provider is paid for more than it can read or write', () => {
  expect(mostOf(row({}), 10_000, 10_000)).toBe(1_000n * 10n + 500n * 20n)
})

test('who fits is of the model, in the region, with the evidence, and not spoken against; the cheapest first', () => {
  const rows = [
    row({ provider: 'dear', outputPrice: picoEuro(30n) }),
    row({ provider: 'cheap' }),
    row({ provider: 'other', model: 'n' }),
    row({ provider: 'abroad', country: 'US' }),
    row({ provider: 'unproved', evidenceLevel: 2 }),
    row({ provider: 'elsewhere', against: 'claims DE, but is attested in FR' }),
  ]
  expect(fitting(rows, terms).map(({ provider }) => provider)).toEqual(['cheap', 'dear'])
  expect(fitting(rows, { ...terms, region: '', level: 0 }).length).toBe(4)
})

test('credit covers an answer up to its last pico-euro', () => {
  const most = mostOf(row({}), 36, 100)
  expect(isOnCredit(row({ credit: most }), 36, 100)).toBe(true)
  expect(isOnCredit(row({ credit: picoEuro(most - 1n) }), 36, 100)).toBe(false)
})
