import type { CardModel, CardPrice, RateCard } from './card-format.ts'
import { type Decimal, decimal, multiply, ZERO } from './decimal.ts'
import type { KindPrice, PriceStructure } from './price-structure.ts'

/** What a model costs by a card; `undefined` when the card does not name it. */
export function structureOf(
  card: Pick<RateCard, 'currency' | 'models'>,
  model: string,
): PriceStructure | undefined {
  const entry = Object.hasOwn(card.models, model) ? card.models[model] : undefined
  return entry && toStructure(entry, card.currency)
}

function toStructure(model: CardModel, currency: string): PriceStructure {
  const { prices, billedAs, promptTiers, batch, minimum = '0' } = model
  const perOf = (kind: string): string => {
    const price = prices[kind]
    return (typeof price === 'object' ? price.per : undefined) ?? model.per
  }
  const each = (of: Readonly<Record<string, string>>) =>
    mapValues(of, (price, kind) => forOne(price, perOf(kind)))
  return {
    currency,
    prices: mapValues(prices, (price, kind) => kindPrice(price, perOf(kind))),
    billedAs,
    promptTiers: promptTiers.map((tier) => ({
      above: decimal(tier.above),
      prices: each(tier.prices),
    })),
    batch:
      batch === undefined
        ? null
        : { multiplier: decimal(batch.multiplier), prices: each(batch.prices) },
    minimum: decimal(minimum),
  }
}

function kindPrice(price: CardPrice, per: string): KindPrice {
  if (typeof price === 'string') return flat(price, per)
  if ('price' in price) return { ...flat(price.price, per), free: decimal(price.free ?? '0') }
  return {
    mode: price.mode,
    tiers: price.tiers.map((tier) => ({
      upTo: tier.upTo === null ? null : decimal(tier.upTo),
      price: forOne(tier.price, per),
    })),
    free: decimal(price.free ?? '0'),
  }
}

const flat = (price: string, per: string): KindPrice => ({
  mode: 'graduated',
  tiers: [{ upTo: null, price: forOne(price, per) }],
  free: ZERO,
})

/** `per` is a power of ten. */
const forOne = (price: string, per: string): Decimal =>
  multiply(decimal(price), { units: 1n, scale: per.length - 1 })

const mapValues = <From, To>(
  of: Readonly<Record<string, From>>,
  map: (value: From, key: string) => To,
): Record<string, To> =>
  Object.fromEntries(Object.entries(of).map(([key, value]) => [key, map(value, key)]))
