import type { PicoEuro } from '@hanse/protocol'

/** An offer of one model, as a buyer sees it. */
export interface MarketOffer {
  readonly provider: string
  readonly model: string
  /** Pico-euro per token. */
  readonly inputPrice: PicoEuro
  readonly outputPrice: PicoEuro
  readonly slots: number
  readonly freeSlots: number
}

export interface PriceSpread {
  readonly min: PicoEuro
  readonly median: PicoEuro
  readonly max: PicoEuro
}

/** What the market looks like for one model. */
export interface ModelMarket {
  readonly model: string
  readonly offers: number
  readonly input: PriceSpread
  readonly output: PriceSpread
  readonly slots: number
  readonly freeSlots: number
}

/** One entry for each model, by name. */
export function summarizeMarket(offers: readonly MarketOffer[]): ModelMarket[] {
  const byModel = Map.groupBy(offers, ({ model }) => model)
  return [...byModel]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([model, all]) => ({
      model,
      offers: all.length,
      input: spreadOf(all.map(({ inputPrice }) => inputPrice)),
      output: spreadOf(all.map(({ outputPrice }) => outputPrice)),
      slots: all.reduce((sum, { slots }) => sum + slots, 0),
      freeSlots: all.reduce((sum, { freeSlots }) => sum + freeSlots, 0),
    }))
}

/** @throws {RangeError} when there are no prices */
export function spreadOf(prices: readonly PicoEuro[]): PriceSpread {
  const sorted = prices.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const [min] = sorted
  const max = sorted.at(-1)
  // Of an even number the lower of the two in the middle: a price that somebody asks.
  const median = sorted[Math.floor((sorted.length - 1) / 2)]
  if (min === undefined || median === undefined || max === undefined)
    throw new RangeError('no prices')
  return { min, median, max }
}
