import type { ResolvedPrice } from './card-resolver.ts'
import type { SizedUsage } from './cost-usage-store.ts'
import { type Decimal, decimalOf, subtract, ZERO } from './decimal.ts'
import type { PriceStructure } from './price-structure.ts'
import { priceUsage } from './price-usage.ts'
import type { Usage } from './usage.ts'

/** A day's usage of one model, by size of prompt where its price depends on it. */
export type Slice = Omit<SizedUsage, 'promptTokens'> & { readonly promptTokens: bigint | null }

/**
 * The cost of one model, day after day. Tiers, allowances and minimum charges are of a calendar month under one version
 * of a card: a day costs what the month costs with it, less what it cost without. So days add up to the month; where a
 * volume tier makes all of a month cheaper, a day can cost less than nothing.
 */
export class RunningCost {
  readonly #batch: boolean
  #period = ''
  #usages: Usage[] = []
  #total: Decimal = ZERO

  constructor(batch: boolean) {
    this.#batch = batch
  }

  /** @throws {SettlementError} HANSE_PRICE_UNKNOWN */
  add(day: string, { structure, version }: ResolvedPrice, slices: readonly Slice[]): Decimal {
    const usages = slices.map((slice) => toUsage(slice, this.#batch))
    if (isLinear(structure)) return priceUsage(structure, usages).total
    const period = `${day.slice(0, 7)} ${version.id}`
    if (period !== this.#period) {
      this.#period = period
      this.#usages = []
      this.#total = ZERO
    }
    this.#usages.push(...usages)
    const before = this.#total
    this.#total = priceUsage(structure, this.#usages).total
    return subtract(this.#total, before)
  }
}

/** Whether days can be priced one by one. */
export const isLinear = ({ prices, minimum }: PriceStructure): boolean =>
  minimum.units === 0n &&
  Object.values(prices).every(({ tiers, free }) => tiers.length === 1 && free.units === 0n)

/** As receipts count: cached tokens are among the input tokens. */
const toUsage = (slice: Slice, batch: boolean): Usage => ({
  quantities: {
    input: decimalOf(slice.inputTokens, 0),
    cached_input: decimalOf(slice.cachedInputTokens, 0),
    output: decimalOf(slice.outputTokens, 0),
    request: decimalOf(slice.sessions, 0),
  },
  partOf: { cached_input: 'input' },
  promptTokens: slice.promptTokens === null ? null : decimalOf(slice.promptTokens, 0),
  batch,
})
