import { expect, test } from 'vitest'
import { parseMarket } from './offer.ts'

const row = {
  provider: '12D3KooWA',
  model: 'hanse/tiny-v1:f16',
  country: 'DE',
  evidenceLevel: 3,
  inputPrice: '60000000',
  outputPrice: '250000000',
  contextLength: 512,
  slots: 2,
  freeSlots: 1,
  tokensPerSecond: null,
  quantization: null,
  addresses: ['/ip4/127.0.0.1/tcp/4001'],
  notAfter: 1_763_699_400_000,
  seenAt: 1_763_697_599_000,
}
const reason = { code: 'residency', message: 'US is outside EU', change: 'allow US' }
const answer = {
  network: 'devnet',
  at: 1_763_697_600_000,
  policy: { allow: ['EU'], minLevel: 1 },
  candidates: [row],
  excluded: [{ ...row, country: 'US', reasons: [reason] }],
}

test('a good answer is read whole, with prices as bigints', () => {
  const market = parseMarket(answer)
  expect(market?.unreadable).toBe(0)
  expect(market?.candidates).toEqual([
    { ...row, inputPrice: 60_000_000n, outputPrice: 250_000_000n, reasons: [] },
  ])
  expect(market?.excluded[0]?.reasons).toEqual([reason])
})

test('an answer that is no market is refused', () => {
  const bad: unknown[] = [
    null,
    'offers',
    [],
    {},
    { ...answer, candidates: {} },
    { ...answer, excluded: undefined },
    { ...answer, policy: { allow: 'EU', minLevel: 1 } },
    { ...answer, policy: { allow: ['EU'], minLevel: -1 } },
    { ...answer, at: 'now' },
    { ...answer, at: 1e17 },
    { ...answer, network: '' },
  ]
  for (const value of bad) expect(parseMarket(value), JSON.stringify(value)).toBeUndefined()
})

test('a row that is no offer is left out and counted, and its neighbours stay', () => {
  const bad: unknown[] = [
    null,
    { ...row, provider: 'x'.repeat(600) },
    { ...row, country: 'Germany' },
    { ...row, inputPrice: 60_000_000 },
    { ...row, outputPrice: '-1' },
    { ...row, outputPrice: '1.5' },
    { ...row, freeSlots: 3 },
    { ...row, contextLength: 0.5 },
    { ...row, tokensPerSecond: Number.NaN },
    { ...row, addresses: [1] },
    { ...row, notAfter: 1e17 },
  ]
  const market = parseMarket({ ...answer, candidates: [...bad, row] })
  expect(market?.candidates).toHaveLength(1)
  expect(market?.unreadable).toBe(bad.length)
})

test('an exclusion without a reason is not shown as if it had one', () => {
  for (const reasons of [undefined, [], [{ code: 'residency' }], 'no']) {
    const market = parseMarket({ ...answer, excluded: [{ ...row, reasons }] })
    expect(market?.excluded).toEqual([])
    expect(market?.unreadable).toBe(1)
  }
})

test('what a candidate says about reasons is not believed', () => {
  const market = parseMarket({ ...answer, candidates: [{ ...row, reasons: [reason] }] })
  expect(market?.candidates[0]?.reasons).toEqual([])
})

test('a flood of rows is cut, and the cut is counted', () => {
  const market = parseMarket({ ...answer, candidates: Array.from({ length: 2_500 }, () => row) })
  expect(market?.candidates).toHaveLength(2_000)
  expect(market?.unreadable).toBe(500)
})
