import { SettlementError } from '../errors.ts'
import {
  add,
  compare,
  type Decimal,
  format,
  multiply,
  ONE,
  subtract,
  sum,
  ZERO,
} from './decimal.ts'
import type { KindPrice, PriceStructure } from './price-structure.ts'
import { splitQuantity } from './split-quantity.ts'
import { disjoint, type Usage } from './usage.ts'

/** `amount` is exactly `quantity` × `unitPrice`. */
export interface CostLine {
  /** What was used; `minimum` for what is missing to the least charge. */
  readonly kind: string
  /** The kind whose price it has. */
  readonly pricedAs: string
  readonly quantity: Decimal
  /** `standard`, `free`, `tier 2`, `prompt above 200000`. */
  readonly tier: string
  readonly batch: boolean
  readonly unitPrice: Decimal
  readonly amount: Decimal
}

export interface Cost {
  readonly currency: string
  readonly lines: readonly CostLine[]
  /** The sum of the lines. Nothing is rounded: see `roundAmount`. */
  readonly total: Decimal
}

/** There is always a number of requests; it costs something only where there is a price for it. */
const FREE_WITHOUT_PRICE = new Set(['request'])

/**
 * What the usage of one period costs.
 *
 * Tiers and free allowances count the whole period, kind by kind. Usage of batches and prompts of a higher tier have flat
 * prices of their own, and are neither counted in those tiers nor taken from the allowance.
 *
 * @throws {SettlementError} HANSE_PRICE_UNKNOWN for usage that has no price, which is never taken for free;
 *   HANSE_USAGE_INVALID
 */
export function priceUsage(structure: PriceStructure, usages: readonly Usage[]): Cost {
  const groups = new Map<string, Group>()
  for (const usage of usages) collect(structure, usage, groups)
  const lines = [...groups.values()].flatMap((group) => linesOf(group))
  const charged = sum(lines.map(({ amount }) => amount))
  const missing = subtract(structure.minimum, charged)
  if (lines.length > 0 && compare(missing, ZERO) > 0) lines.push(minimumLine(missing))
  return { currency: structure.currency, lines, total: sum(lines.map(({ amount }) => amount)) }
}

/** What has one price. */
interface Group {
  readonly pricedAs: string
  readonly tier: string
  readonly batch: boolean
  readonly price: KindPrice | Decimal
  /** By kind, in the order in which they came. */
  readonly quantities: Map<string, Decimal>
}

function collect(structure: PriceStructure, usage: Usage, groups: Map<string, Group>): void {
  for (const [kind, quantity] of disjoint(usage)) {
    if (quantity.units === 0n) continue
    const pricedAs = structure.prices[kind] === undefined ? structure.billedAs[kind] : kind
    if (pricedAs === undefined && FREE_WITHOUT_PRICE.has(kind)) continue
    const found = pricedAs === undefined ? undefined : priceOf(structure, pricedAs, usage)
    if (pricedAs === undefined || found === undefined) {
      throw unknown(`there is no ${usage.batch ? 'batch ' : ''}price for ${kind}`)
    }
    const key = JSON.stringify([pricedAs, found.tier, usage.batch])
    const group = groups.get(key) ?? {
      pricedAs,
      batch: usage.batch,
      ...found,
      quantities: new Map(),
    }
    group.quantities.set(kind, add(group.quantities.get(kind) ?? ZERO, quantity))
    groups.set(key, group)
  }
}

interface Found {
  readonly tier: string
  readonly price: KindPrice | Decimal
}

function priceOf(structure: PriceStructure, kind: string, usage: Usage): Found | undefined {
  const usual = structure.prices[kind]
  if (usual === undefined) return undefined
  const long = longPrice(structure, kind, usage.promptTokens)
  if (!usage.batch) return long ?? { tier: 'standard', price: usual }
  if (structure.batch === null) return undefined
  const own = structure.batch.prices[kind]
  if (own !== undefined) return { tier: 'standard', price: own }
  const price = long?.price ?? flatPrice(usual)
  if (price === undefined) return undefined
  return { tier: long?.tier ?? 'standard', price: multiply(price, structure.batch.multiplier) }
}

/** The price of the highest tier that the prompt is above of and that has one. */
function longPrice(
  { promptTiers }: PriceStructure,
  kind: string,
  promptTokens: Decimal | null,
): { tier: string; price: Decimal } | undefined {
  const tiers = promptTiers.filter(({ prices }) => prices[kind] !== undefined)
  if (tiers.length === 0) return undefined
  if (promptTokens === null) {
    throw new SettlementError('HANSE_USAGE_INVALID', `the price of ${kind} depends on the prompt`)
  }
  const tier = tiers.findLast(({ above }) => compare(promptTokens, above) > 0)
  const price = tier?.prices[kind]
  if (tier === undefined || price === undefined) return undefined
  return { tier: `prompt above ${format(tier.above)}`, price }
}

/** @returns `undefined` for a price that depends on the quantity: of a batch it says nothing */
const flatPrice = ({ tiers, free }: KindPrice): Decimal | undefined =>
  tiers.length === 1 && free.units === 0n ? tiers[0]?.price : undefined

/** Kinds that share a price share its tiers: those that came first fill the lowest. */
function linesOf({ pricedAs, tier, batch, price, quantities }: Group): CostLine[] {
  const lines: CostLine[] = []
  const total = sum([...quantities.values()])
  const parts =
    'units' in price
      ? [{ name: tier, quantity: total, unitPrice: price }]
      : splitQuantity(price, total)
  let [part, ...rest] = parts
  let room = part?.quantity ?? ZERO
  for (const [kind, quantity] of quantities) {
    for (let open = quantity; open.units > 0n; ) {
      if (room.units === 0n) {
        ;[part, ...rest] = rest
        room = part?.quantity ?? ZERO
      }
      if (part === undefined) throw new Error('more was used than was split')
      const taken = compare(open, room) <= 0 ? open : room
      lines.push({
        kind,
        pricedAs,
        quantity: taken,
        tier: part.name,
        batch,
        unitPrice: part.unitPrice,
        amount: multiply(taken, part.unitPrice),
      })
      open = subtract(open, taken)
      room = subtract(room, taken)
    }
  }
  return lines
}

const minimumLine = (missing: Decimal): CostLine => ({
  kind: 'minimum',
  pricedAs: 'minimum',
  quantity: ONE,
  tier: 'standard',
  batch: false,
  unitPrice: missing,
  amount: missing,
})

const unknown = (message: string) => new SettlementError('HANSE_PRICE_UNKNOWN', message)
