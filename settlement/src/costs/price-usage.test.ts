import { Decimal as Oracle } from 'decimal.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { add, compare, type Decimal, decimal, decimalOf, format, sum, ZERO } from './decimal.ts'
import type { KindPrice, PriceStructure } from './price-structure.ts'
import { type Cost, priceUsage } from './price-usage.ts'
import type { Usage } from './usage.ts'

/** Far more digits than any sum here has: the oracle does not round either. */
const Exact = Oracle.clone({ precision: 400, toExpPos: 400, toExpNeg: -400 })
const RUNS = 600

const flat = (price: string): KindPrice => ({
  mode: 'graduated',
  tiers: [{ upTo: null, price: decimal(price) }],
  free: ZERO,
})

const tiered = (mode: KindPrice['mode'], free = '0'): KindPrice => ({
  mode,
  tiers: [
    { upTo: decimal(100n), price: decimal('0.003') },
    { upTo: decimal(1000n), price: decimal('0.002') },
    { upTo: null, price: decimal('0.0010000000001') },
  ],
  free: decimal(free),
})

const structure = (changes: Partial<PriceStructure> = {}): PriceStructure => ({
  currency: 'USD',
  prices: { input: flat('0.00000125'), output: flat('0.00001') },
  billedAs: {},
  promptTiers: [],
  batch: null,
  minimum: ZERO,
  ...changes,
})

const used = (
  quantities: Record<string, bigint | string>,
  changes: Partial<Usage> = {},
): Usage => ({
  quantities: Object.fromEntries(Object.entries(quantities).map(([kind, n]) => [kind, decimal(n)])),
  partOf: {},
  promptTokens: null,
  batch: false,
  ...changes,
})

const totalOf = (prices: PriceStructure, ...usages: Usage[]): string =>
  format(priceUsage(prices, usages).total)

describe('what usage costs', () => {
  test('every digit of a sum is there', () => {
    const prices = structure({ prices: { input: flat('0.0000000000123456789') } })
    expect(totalOf(prices, used({ input: 10n ** 15n + 1n }))).toBe('12345.6789000000123456789')
  })

  test('usage without a price is an error, never 0', () => {
    for (const kind of ['reasoning', 'cache_write_5m', 'search']) {
      expect(() => priceUsage(structure(), [used({ [kind]: 1n })])).toThrow(
        expect.objectContaining({ code: 'HANSE_PRICE_UNKNOWN' }),
      )
    }
    expect(totalOf(structure(), used({ reasoning: 0n, input: 1n }))).toBe('0.00000125')
    const batch = used({ input: 1n }, { batch: true })
    expect(() => priceUsage(structure(), [batch])).toThrow('no batch price')
  })

  test('requests are counted without a price, and cost something with one', () => {
    expect(totalOf(structure(), used({ request: 3n }))).toBe('0')
    const prices = structure({ prices: { request: flat('0.005') } })
    expect(totalOf(prices, used({ request: 3n }))).toBe('0.015')
  })

  test('images, seconds and kinds of any name are priced as they are', () => {
    const prices = structure({
      prices: { image: flat('0.04'), second: flat('0.0001'), 'web search': flat('0.01') },
    })
    expect(totalOf(prices, used({ image: 2n, second: '12.5', 'web search': 1n }))).toBe('0.09125')
  })

  test('what is part of another count is counted once', () => {
    const prices = structure({
      prices: { ...structure().prices, cached_input: flat('0.000000125') },
      billedAs: { reasoning: 'output' },
    })
    const quantities = { input: 1000n, cached_input: 600n, output: 100n, reasoning: 40n }
    const partOf = { cached_input: 'input', reasoning: 'output' }
    const { lines, total } = priceUsage(prices, [used(quantities, { partOf })])
    expect(lines.map(({ kind, pricedAs, quantity }) => [kind, pricedAs, format(quantity)])).toEqual(
      [
        ['input', 'input', '400'],
        ['cached_input', 'cached_input', '600'],
        ['output', 'output', '60'],
        ['reasoning', 'output', '40'],
      ],
    )
    expect(format(total)).toBe('0.001575')
  })

  test('a part that is more than its whole is refused', () => {
    const usage = used({ input: 5n, cached_input: 6n }, { partOf: { cached_input: 'input' } })
    const wrong = expect.objectContaining({ code: 'HANSE_USAGE_INVALID' })
    expect(() => priceUsage(structure(), [usage])).toThrow(wrong)
    expect(() => priceUsage(structure(), [used({ input: -1n })])).toThrow(wrong)
  })

  test('graduated and volume tiers end where they say', () => {
    const graduated = structure({ prices: { input: tiered('graduated') } })
    const volume = structure({ prices: { input: tiered('volume') } })
    const at = (prices: PriceStructure) =>
      [1n, 100n, 101n, 1000n, 1001n].map((input) => totalOf(prices, used({ input })))
    expect(at(graduated)).toEqual(['0.003', '0.3', '0.302', '2.1', '2.1010000000001'])
    expect(at(volume)).toEqual(['0.003', '0.3', '0.202', '2', '1.0010000001001'])
  })

  test('a free allowance comes first, and the tiers count from its end', () => {
    const prices = structure({ prices: { input: tiered('graduated', '50') } })
    const at = [0n, 50n, 51n, 150n, 151n].map((input) => totalOf(prices, used({ input })))
    expect(at).toEqual(['0', '0', '0.003', '0.3', '0.302'])
  })

  test('the tiers of a period count all of its usage, however it is split', () => {
    const prices = structure({ prices: { input: tiered('graduated') } })
    const parts = [60n, 60n, 900n].map((input) => used({ input }))
    expect(totalOf(prices, ...parts)).toBe(totalOf(prices, used({ input: 1020n })))
  })

  test('long prompts have other prices, from the first token above the limit', () => {
    const prices = structure({
      promptTiers: [{ above: decimal(200_000n), prices: { input: decimal('0.0000025') } }],
    })
    const of = (promptTokens: bigint) =>
      totalOf(prices, used({ input: 10n, output: 1n }, { promptTokens: decimal(promptTokens) }))
    expect([of(200_000n), of(200_001n)]).toEqual(['0.0000225', '0.000035'])
    expect(() => priceUsage(prices, [used({ input: 1n })])).toThrow('depends on the prompt')
  })

  test('batches cost the share that the structure says', () => {
    const prices = structure({
      batch: { multiplier: decimal('0.5'), prices: { output: decimal('0.000004') } },
    })
    const quantities = { input: 1000n, output: 1000n }
    expect(totalOf(prices, used(quantities, { batch: true }))).toBe('0.004625')
    expect(totalOf(prices, used(quantities))).toBe('0.01125')
  })

  test('a minimum charge is a line of its own, and nothing costs nothing', () => {
    const prices = structure({ minimum: decimal('1') })
    expect(totalOf(prices, used({ input: 1n }))).toBe('1')
    expect(totalOf(prices, used({ input: 10_000_000n }))).toBe('12.5')
    expect(priceUsage(prices, [])).toMatchObject({ lines: [], total: ZERO })
  })
})

const price = fc
  .tuple(fc.bigInt({ min: 0n, max: 10n ** 18n }), fc.integer({ min: 0, max: 24 }))
  .map(([units, scale]) => decimalOf(units, scale))
const count = fc.oneof(fc.bigInt(0n, 30n), fc.bigInt(0n, 10n ** 12n)).map((n) => decimalOf(n, 0))

const kindPrice: fc.Arbitrary<KindPrice> = fc
  .record({
    mode: fc.constantFrom('graduated' as const, 'volume' as const),
    ends: fc.uniqueArray(fc.bigInt(1n, 10n ** 9n), { maxLength: 4 }),
    prices: fc.array(price, { minLength: 5, maxLength: 5 }),
    free: fc.oneof(fc.constant(ZERO), count),
  })
  .map(({ mode, ends, prices, free }) => {
    const sorted = ends.toSorted((a, b) => (a < b ? -1 : 1))
    const tiers = [...sorted, null].map((end, i) => ({
      upTo: end === null ? null : decimalOf(end, 0),
      price: prices[i] ?? ZERO,
    }))
    return { mode, tiers, free }
  })

const ABOVE = [1000n, 200_000n]
const anyStructure: fc.Arbitrary<PriceStructure> = fc
  .record({
    input: kindPrice,
    output: kindPrice,
    cached: fc.option(price, { nil: undefined }),
    image: price,
    long: fc.option(fc.tuple(price, price), { nil: undefined }),
    multiplier: price,
    minimum: fc.oneof(fc.constant(ZERO), price),
  })
  .map(({ input, output, cached, image, long, multiplier, minimum }) => ({
    currency: 'EUR',
    prices: {
      input,
      output,
      image: flat(format(image)),
      ...(cached !== undefined && { cached_input: flat(format(cached)) }),
    },
    billedAs: { reasoning: 'output', ...(cached === undefined && { cached_input: 'input' }) },
    promptTiers: (long ?? []).map((tier, i) => ({
      above: decimalOf(ABOVE[i] ?? 0n, 0),
      prices: { image: tier },
    })),
    batch: { multiplier, prices: { input: image, output: multiplier, reasoning: image } },
    minimum,
  }))

const anyUsage: fc.Arbitrary<Usage> = fc
  .record({
    fresh: count,
    cached: count,
    answer: count,
    reasoning: count,
    image: count,
    promptTokens: fc.constantFrom(1n, 1000n, 1001n, 200_000n, 200_001n),
    batch: fc.boolean(),
  })
  .map(({ fresh, cached, answer, reasoning, image, promptTokens, batch }) => ({
    quantities: {
      input: add(fresh, cached),
      cached_input: cached,
      output: add(answer, reasoning),
      reasoning,
      image,
    },
    partOf: { cached_input: 'input', reasoning: 'output' },
    promptTokens: decimalOf(promptTokens, 0),
    batch,
  }))

const o = (value: Decimal | undefined) => new Exact(value === undefined ? 0 : format(value))

/** A tiered price as a function of the quantity: a sum of ramps, one for each change of the price. */
function ramps({ mode, tiers, free }: KindPrice, quantity: Oracle): Oracle {
  const charged = Exact.max(0, quantity.minus(o(free)))
  if (mode === 'volume') {
    const tier = tiers.find(({ upTo }) => upTo === null || charged.lte(o(upTo)))
    return charged.times(o(tier?.price))
  }
  return tiers.reduce((cost, tier, i) => {
    const before = tiers[i - 1]
    const step = before === undefined ? o(tier.price) : o(tier.price).minus(o(before.price))
    const start = before?.upTo == null ? new Exact(0) : o(before.upTo)
    return cost.plus(step.times(Exact.max(0, charged.minus(start))))
  }, new Exact(0))
}

/** The whole cost, written from the description and not from the engine: by kind, not by request. */
function oracle(prices: PriceStructure, usages: readonly Usage[]): Oracle {
  const of = (wanted: boolean, kind: string, part?: string) =>
    usages
      .filter(({ batch }) => batch === wanted)
      .map(({ quantities }) =>
        o(quantities[kind]).minus(part === undefined ? 0 : o(quantities[part])),
      )
      .reduce((a, b) => a.plus(b), new Exact(0))
  const cachedPrice = prices.prices.cached_input
  const batch = prices.batch
  const images = usages.map(({ quantities, promptTokens, batch: isBatch }) => {
    const size = o(promptTokens ?? undefined)
    const long = prices.promptTiers.filter(({ above }) => size.gt(o(above))).at(-1)
    const unit = o(long?.prices.image ?? prices.prices.image?.tiers[0]?.price)
    return o(quantities.image)
      .times(unit)
      .times(isBatch ? o(batch?.multiplier) : 1)
  })
  const standardInput =
    cachedPrice === undefined ? of(false, 'input') : of(false, 'input', 'cached_input')
  const batchInput =
    cachedPrice === undefined ? of(true, 'input') : of(true, 'input', 'cached_input')
  const costs = [
    ...images,
    ramps(prices.prices.input ?? flat('0'), standardInput),
    ramps(prices.prices.output ?? flat('0'), of(false, 'output')),
    batchInput.times(o(batch?.prices.input)),
    of(true, 'output').times(o(batch?.prices.output)),
    ...(cachedPrice === undefined
      ? []
      : [
          of(false, 'cached_input').times(o(cachedPrice.tiers[0]?.price)),
          of(true, 'cached_input')
            .times(o(cachedPrice.tiers[0]?.price))
            .times(o(batch?.multiplier)),
        ]),
  ]
  const total = costs.reduce((a, b) => a.plus(b), new Exact(0))
  const isUsed = usages.some(({ quantities }) =>
    Object.values(quantities).some(({ units }) => units > 0n),
  )
  return isUsed ? Exact.max(total, o(prices.minimum)) : total
}

describe('against an independent calculation', () => {
  const run = (check: (prices: PriceStructure, usages: Usage[], cost: Cost) => void) =>
    fc.assert(
      fc.property(anyStructure, fc.array(anyUsage, { maxLength: 6 }), (prices, usages) => {
        check(prices, usages, priceUsage(prices, usages))
      }),
      { numRuns: RUNS },
    )

  test('totals are equal to the last digit', () => {
    run((prices, usages, { total }) => {
      expect(format(total)).toBe(oracle(prices, usages).toFixed())
    })
  })

  test('lines add up, each is its quantity times its price, and together they are all that was used', () => {
    run((prices, usages, { lines, total }) => {
      expect(sum(lines.map(({ amount }) => amount))).toEqual(total)
      for (const { quantity, unitPrice, amount } of lines) {
        expect(format(amount)).toBe(o(quantity).times(o(unitPrice)).toFixed())
      }
      const priced = lines.filter(({ kind }) => kind !== 'minimum').map(({ quantity }) => quantity)
      // Cached and reasoning tokens are within the counts of input and output.
      const counted = usages.flatMap(({ quantities }) =>
        ['input', 'output', 'image'].map((kind) => quantities[kind] ?? ZERO),
      )
      expect(sum(priced)).toEqual(sum(counted))
      expect(prices.currency).toBe('EUR')
    })
  })

  test('more usage never costs less, where no volume tier makes all of it cheaper', () => {
    fc.assert(
      fc.property(
        anyStructure,
        fc.array(anyUsage, { maxLength: 4 }),
        anyUsage,
        (any, some, more) => {
          const prices = { ...any, prices: { ...any.prices } }
          for (const [kind, one] of Object.entries(prices.prices)) {
            prices.prices[kind] = { ...one, mode: 'graduated' }
          }
          const before = priceUsage(prices, some).total
          expect(compare(priceUsage(prices, [...some, more]).total, before)).toBeGreaterThanOrEqual(
            0,
          )
        },
      ),
      { numRuns: RUNS },
    )
  })

  test('neither the order of usage nor the way it is split changes the total', () => {
    run((prices, usages, { total }) => {
      expect(priceUsage(prices, usages.toReversed()).total).toEqual(total)
      const twice = usages.map((usage) => ({
        ...usage,
        quantities: Object.fromEntries(
          Object.entries(usage.quantities).map(([kind, n]) => [kind, add(n, n)]),
        ),
      }))
      expect(priceUsage(prices, [...usages, ...usages]).total).toEqual(
        priceUsage(prices, twice).total,
      )
    })
  })
})
