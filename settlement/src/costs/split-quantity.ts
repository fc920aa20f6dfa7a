import { compare, type Decimal, least, subtract, ZERO } from './decimal.ts'
import type { KindPrice, QuantityTier } from './price-structure.ts'

export interface QuantityPart {
  readonly name: string
  readonly quantity: Decimal
  readonly unitPrice: Decimal
}

/** A period's quantity in parts that have one price each; together they are the quantity. */
export function splitQuantity(price: KindPrice, total: Decimal): QuantityPart[] {
  const free = least(price.free, total)
  const charged = subtract(total, free)
  const parts =
    price.mode === 'volume' ? byVolume(price.tiers, charged) : graduated(price.tiers, charged)
  return [{ name: 'free', quantity: free, unitPrice: ZERO }, ...parts].filter(
    ({ quantity }) => quantity.units > 0n,
  )
}

function byVolume(tiers: readonly QuantityTier[], quantity: Decimal): QuantityPart[] {
  const index = tiers.findIndex(({ upTo }) => upTo === null || compare(quantity, upTo) <= 0)
  const tier = tiers[index]
  if (tier === undefined) throw new Error('the last tier has an end')
  return [{ name: nameOf(tiers, index), quantity, unitPrice: tier.price }]
}

function graduated(tiers: readonly QuantityTier[], quantity: Decimal): QuantityPart[] {
  let below = ZERO
  return tiers.map(({ upTo, price }, index) => {
    const end = upTo === null ? quantity : least(upTo, quantity)
    const within = compare(end, below) > 0 ? subtract(end, below) : ZERO
    below = upTo ?? below
    return { name: nameOf(tiers, index), quantity: within, unitPrice: price }
  })
}

const nameOf = (tiers: readonly QuantityTier[], index: number): string =>
  tiers.length === 1 ? 'standard' : `tier ${index + 1}`
