import assert from 'node:assert/strict'
import { type Prices, picoEuro } from '@hanse/protocol'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { advise } from './advise.ts'
import { type MarketOffer, spreadOf, summarizeMarket } from './market.ts'
import { bitsOf, costOf, REFERENCE_MACHINE, sizeInName, suggestPrices } from './suggest.ts'

const MODEL = 'meta/llama-3.2-3b'
const prices = (input: bigint, output: bigint): Prices => ({
  inputPrice: picoEuro(input),
  outputPrice: picoEuro(output),
})
let providers = 0
const rival = (output: bigint, changes: Partial<MarketOffer> = {}): MarketOffer => ({
  provider: `p${++providers}`,
  model: MODEL,
  ...prices(output / 4n, output),
  slots: 2,
  freeSlots: 1,
  ...changes,
})
const facts = { id: MODEL, parameters: null, sizeBytes: null, quantization: 'Q4_K_M' }

describe('the market', () => {
  test('is summarized by model', () => {
    const other = rival(900n, { model: 'a/b' })
    const offers = [rival(300n), rival(100n), other, rival(200n, { freeSlots: 0 }), rival(1_000n)]
    const [first, second] = summarizeMarket(offers)
    assert.equal(first?.model, 'a/b')
    assert.deepEqual(second?.output, { min: 100n, median: 200n, max: 1_000n })
    assert.deepEqual([second?.offers, second?.freeSlots, second?.slots], [4, 3, 8])
  })

  test('has no spread without prices', () => assert.throws(() => spreadOf([]), RangeError))
})

describe('prices to begin with', () => {
  test('are the median of what others ask for this model', () => {
    const market = [100_000n, 200_000n, 90_000_000n].map((price) => rival(price))
    const suggested = suggestPrices(facts, market)
    assert.equal(suggested.basis, 'model')
    assert.equal(suggested.outputPrice, 200_000n)
  })

  test('are not taken from a single joke', () => {
    const cost = costOf(facts, REFERENCE_MACHINE)
    const dear = suggestPrices(facts, [rival(10n ** 15n)])
    assert.equal(dear.outputPrice, cost.outputPrice * 10n)
    const gift = suggestPrices(facts, [rival(0n), rival(0n), rival(0n)])
    assert.equal(gift.outputPrice, cost.outputPrice / 2n, 'the bare electricity')
  })

  test('of a model that nobody offers are those of models of its size', () => {
    const alike = ['a/x-4b', 'b/y-2b', 'c/z-3b'].map((model) => rival(150_000n, { model }))
    const far = rival(9_000_000n, { model: 'd/huge-70b' })
    assert.deepEqual(
      [suggestPrices(facts, [...alike, far]).basis, suggestPrices(facts, [far]).basis],
      ['size', 'cost'],
    )
  })

  test('by cost rise with the size of the model and of its weights', () => {
    const cost = (id: string, quantization: string) =>
      costOf({ ...facts, id, quantization }, REFERENCE_MACHINE).outputPrice
    assert.ok(cost('a/b-70b', 'Q4_K_M') > cost('a/b-8b', 'Q4_K_M'))
    assert.ok(cost('a/b-8b', 'F16') > cost('a/b-8b', 'Q8_0'))
    // 3 billion weights of 4.85 bits, 617 times a second, 450 W at 0.29 EUR/kWh, doubled: 0.118 EUR/Mtok.
    assert.equal(cost(MODEL, 'Q4_K_M'), 120_000n)
  })

  test('never are below the electricity, whatever the market says', () => {
    const market = fc.array(fc.record({ price: fc.bigInt(0n, 10n ** 12n) }), { maxLength: 9 })
    fc.assert(
      fc.property(market, (offers) => {
        const cost = costOf(facts, REFERENCE_MACHINE)
        const suggested = suggestPrices(
          facts,
          offers.map(({ price }) => rival(price)),
        )
        assert.ok(suggested.outputPrice * 2n >= cost.outputPrice)
        assert.ok(suggested.inputPrice * 2n >= cost.inputPrice)
      }),
    )
  })

  test.each([
    ['meta/llama-3.2-3b', 3e9],
    ['qwen/qwen2.5-0.5b:q4', 0.5e9],
    ['mistral/mixtral-8x7b-instruct', 56e9],
    ['google/gemma-270m', 270e6],
    ['hanse/tiny-v1:f16', undefined],
    ['a/abc3bc', undefined],
  ])('the name %s tells a size of %s', (name, size) => assert.equal(sizeInName(name), size))

  test.each([
    ['F16', 16],
    ['BF16', 16],
    ['Q4_K_M', 4.85],
    ['Q8_0', 8.85],
    ['FP8', 8],
    [null, 4.85],
    ['Q99', 4.85],
    ['awq', 4.85],
  ])('a weight of %s has %d bits', (name, bits) => assert.equal(bitsOf(name), bits))
})

describe('advice', () => {
  const own = (output: bigint, floor?: bigint) => ({
    model: MODEL,
    prices: prices(output / 4n, output),
    floor: floor === undefined ? undefined : prices(floor / 4n, floor),
  })
  const market = [100_000n, 200_000n, 300_000n].map((price) => rival(price))

  test.each([
    ['within the market', own(200_000n), market, 'keep', 200_000n],
    ['far above the median', own(400_000n), market, 'lower', 200_000n],
    ['not below the electricity', own(400_000n, 250_000n), market, 'lower', 250_000n],
    ['below the electricity', own(200_000n, 250_000n), market, 'raise', 250_000n],
    ['far below the next cheapest', own(50_000n), market, 'raise', 99_000n],
    [
      'while nobody has a free slot',
      own(200_000n),
      market.map((offer) => ({ ...offer, freeSlots: 0 })),
      'raise',
      220_000n,
    ],
    ['without rivals', own(200_000n), [], 'keep', 200_000n],
    ['at the electricity, above the market', own(400_000n, 400_000n), market, 'keep', 400_000n],
  ] as const)('%s', (_what, mine, offers, action, output) => {
    const given = advise(mine, offers)
    assert.equal(given.action, action)
    assert.equal(given.prices?.outputPrice, output)
    assert.ok(given.reasons.length > 0)
  })

  test('counts who asks less and who asks more', () => {
    const { cheaper, dearer } = advise(own(250_000n), market)
    assert.deepEqual([cheaper, dearer], [2, 1])
  })

  test('for a model that is not offered yet is the median', () => {
    const given = advise({ model: MODEL, prices: undefined, floor: undefined }, market)
    assert.deepEqual([given.action, given.prices?.outputPrice], ['offer', 200_000n])
  })
})
