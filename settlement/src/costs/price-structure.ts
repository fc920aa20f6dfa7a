import type { Decimal } from './decimal.ts'

/**
 * What is counted. These are the names that shipped cards use; a card may have any others, such as `search` or `training`.
 */
export const KINDS = [
  'input',
  'cached_input',
  'cache_write_5m',
  'cache_write_1h',
  'output',
  'reasoning',
  'audio_input',
  'audio_output',
  'image',
  'request',
  'second',
] as const

/** What one unit costs, by how many of them there are in a period. */
export interface QuantityTier {
  /** The last unit of this tier; `null` for the tier that does not end. */
  readonly upTo: Decimal | null
  readonly price: Decimal
}

export interface KindPrice {
  /**
   * `graduated`: each unit has the price of the tier that it falls into. `volume`: all units have the price of the tier
   * that the last one falls into. A flat price is one tier without an end.
   */
  readonly mode: 'graduated' | 'volume'
  readonly tiers: readonly QuantityTier[]
  /** Units of each period that cost nothing; tiers count what comes after them. */
  readonly free: Decimal
}

/** Other prices for requests with long prompts. */
export interface PromptTier {
  /** For prompts of more tokens than this. */
  readonly above: Decimal
  /** For one unit; a kind that is not here has its usual price. */
  readonly prices: Readonly<Record<string, Decimal>>
}

export interface BatchPrices {
  /** What is charged of every price that is not in `prices`, such as 0.5. */
  readonly multiplier: Decimal
  readonly prices: Readonly<Record<string, Decimal>>
}

/** What a model costs. Every price is for one unit: one token, one request, one second. */
export interface PriceStructure {
  /** ISO 4217. */
  readonly currency: string
  readonly prices: Readonly<Record<string, KindPrice>>
  /** Kinds without a price of their own, and the kind whose price they have, such as `reasoning: 'output'`. */
  readonly billedAs: Readonly<Record<string, string>>
  /** By `above`, the smallest first. */
  readonly promptTiers: readonly PromptTier[]
  /** `null` when there is no batch price, which is not the same as one that is no cheaper. */
  readonly batch: BatchPrices | null
  /** What a period with any usage costs at least. */
  readonly minimum: Decimal
}
