import type { SettlementStore } from '../db/store.ts'
import { structureOf } from './card-structure.ts'
import { type Decimal, decimalOf, format, multiply } from './decimal.ts'
import { readCard } from './import-card.ts'
import { MARKET_CARD } from './market-card.ts'
import type { PriceStructure } from './price-structure.ts'

/** What everybody may compare with: more cards than there are providers that anybody compares with. */
export const PUBLIC_CARDS_MAX = 32
/** Of one card, by name: a provider's own list has some dozen; lists of all providers are for who is signed in. */
export const PUBLIC_MODELS_MAX = 200

/** What a model costs for a million tokens, as a decimal number in the card's currency. */
export interface PublicPrice {
  readonly model: string
  readonly input: string
  readonly output: string
  /** Long prompts cost more than this. */
  readonly hasPromptTiers: boolean
}

export interface PublicCard {
  readonly card: string
  readonly publisher: string
  readonly currency: string
  readonly version: number
  /** Days, such as `2026-10-01`. */
  readonly effectiveFrom: string
  readonly retrieved: string
  readonly source: string
  /** Whether somebody compared it with what the publisher says. */
  readonly verified: boolean
  /** Those with one price for each token that is read, and one for each that is written. */
  readonly models: readonly PublicPrice[]
}

type Store = Pick<SettlementStore, 'platformCardsOn'>

/** The platform's cards that are in force on a day, but for the market's own: its prices are live offers. */
export async function publicCards(store: Store, day: string): Promise<PublicCard[]> {
  const cards = await store.platformCardsOn(day, PUBLIC_CARDS_MAX)
  return cards
    .filter(({ card }) => card !== MARKET_CARD)
    .map(({ content, card, publisher, currency, version, effectiveFrom, ...rest }) => ({
      card,
      publisher,
      currency,
      version,
      effectiveFrom,
      retrieved: rest.retrieved,
      source: rest.source,
      verified: rest.verified,
      models: pricesOf(content),
    }))
}

function pricesOf(content: string): PublicPrice[] {
  const card = readCard(content)
  return Object.keys(card.models)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .flatMap((model) => {
      const structure = structureOf(card, model)
      const price = structure && priceOf(structure)
      return price === undefined ? [] : [{ model, ...price }]
    })
    .slice(0, PUBLIC_MODELS_MAX)
}

function priceOf(structure: PriceStructure): Omit<PublicPrice, 'model'> | undefined {
  const input = flatPrice(structure, 'input')
  const output = flatPrice(structure, 'output')
  if (input === undefined || output === undefined) return undefined
  return {
    input: perMillion(input),
    output: perMillion(output),
    hasPromptTiers: structure.promptTiers.length > 0,
  }
}

/** One price for every unit, from the first one on; a card that depends on a month's amounts has none. */
function flatPrice({ prices, minimum }: PriceStructure, kind: string): Decimal | undefined {
  const price = prices[kind]
  const [tier, ...more] = price?.tiers ?? []
  const isFlat = tier !== undefined && more.length === 0 && price?.free.units === 0n
  return isFlat && minimum.units === 0n ? tier.price : undefined
}

const MILLION = decimalOf(1_000_000n, 0)
const perMillion = (price: Decimal): string => format(multiply(price, MILLION))
