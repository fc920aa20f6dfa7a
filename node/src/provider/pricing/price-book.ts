import { type Prices, picoEuro } from '@hanse/protocol'
import type { Load } from '../scheduling/index.ts'
import { electricityFloor } from './electricity.ts'
import type { Strategy } from './strategy.ts'
import type { Tariff } from './tariff.ts'
import { isStep, nextPrices, risen, SmoothedShare } from './utilization.ts'

export interface PriceBookOptions {
  /** By model id. */
  readonly strategies: ReadonlyMap<string, Strategy>
  readonly load: (model: string) => Load
  readonly throughput: (model: string) => Throughput
  /** `undefined` where power costs nothing, or nobody said what. */
  readonly electricity?: Electricity | undefined
  /** What settlement keeps of each payment, as far as it is known, basis points; nothing when absent. */
  readonly feeBps?: (() => number) | undefined
  /** How long an offer is valid, ms. */
  readonly offerLifeMs: number
  readonly now: () => number
}

export interface Throughput {
  readonly outputTokensPerSecond: number | undefined
  readonly inputTokensPerSecond: number | undefined
}

export interface Electricity {
  readonly tariff: Tariff
  /** What the machine draws while it answers; `undefined` while nobody knows. */
  readonly watts: () => number | undefined
  readonly marginPercent: number
  /** Of all answers together, until it has been measured. */
  readonly expectedTokensPerSecond?: number | undefined
}

/** Prices follow the load of minutes; looking more often changes nothing. */
const LOOK_MS = 10_000

/** What this provider asks now: by load, but never below what power costs. */
export class PriceBook implements Disposable {
  readonly #options: PriceBookOptions
  readonly #pages = new Map<string, Page>()
  readonly #listeners = new Set<() => void>()
  #timer: NodeJS.Timeout | undefined
  /** As of the last look at which an answer was being made: an idle GPU draws next to nothing. */
  #watts: number | undefined

  constructor(options: PriceBookOptions) {
    this.#options = options
    for (const [model, strategy] of options.strategies)
      this.#pages.set(model, new Page(strategy, options.offerLifeMs))
    this.update()
  }

  /** Looks at load, power and clock from time to time. */
  start(): void {
    this.#timer ??= setInterval(() => this.update(), LOOK_MS).unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#listeners.clear()
  }

  /** Tells when a price has moved by a step: the offer on the market is out of date. @returns how to stop that */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Pico-euro per token, as of the last look. */
  pricesOf(model: string): Prices | undefined {
    return this.#pages.get(model)?.prices
  }

  /** Below these prices power costs more than the fee leaves of them; `undefined` while something about it is unknown. */
  floorOf(model: string): Prices | undefined {
    const strategy = this.#options.strategies.get(model)
    const { electricity, throughput, offerLifeMs, now } = this.#options
    if (strategy === undefined || electricity === undefined) return undefined
    const watts = this.#watts
    const measured = throughput(model)
    const outputTokensPerSecond =
      measured.outputTokensPerSecond ?? electricity.expectedTokensPerSecond
    if (watts === undefined || outputTokensPerSecond === undefined) return undefined
    const { marginPercent, tariff } = electricity
    // What is offered now is honoured until the offer ends, so the dearest hour until then counts.
    const perKwh = tariff.dearest(now(), offerLifeMs)
    const { inputTokensPerSecond } = measured
    return electricityFloor(
      {
        perKwh,
        watts,
        marginPercent,
        feeBps: this.#feeBps(),
        outputTokensPerSecond,
        inputTokensPerSecond,
      },
      strategy.type === 'fixed' ? strategy.prices : strategy.floor,
    )
  }

  /**
   * What to ask of an order that cites an offer with these prices. While the strategy has not moved by a step above them,
   * or has moved below, what was offered holds. Else the prices of now, but never more than 10 % above the offer: that is
   * the most that a consumer without a highest price accepts, and an offer is no bait.
   */
  askFor(model: string, offered: Prices): Prices | undefined {
    const current = this.pricesOf(model)
    if (current === undefined) return undefined
    const moved = isStep(offered, current)
    const side = (asked: bigint, was: bigint) => {
      if (asked <= was || !moved) return picoEuro(asked < was ? asked : was)
      const most = risen(was)
      return picoEuro(asked < most ? asked : most)
    }
    return {
      inputPrice: side(current.inputPrice, offered.inputPrice),
      outputPrice: side(current.outputPrice, offered.outputPrice),
    }
  }

  /** Looks now; `start` does so from time to time. */
  update(): void {
    const { electricity, load } = this.#options
    const now = this.#options.now()
    const answering = [...this.#pages.keys()].some((model) => load(model).busy > 0)
    if (answering || this.#watts === undefined) this.#watts = electricity?.watts() ?? this.#watts
    const feeBps = this.#feeBps()
    let changed = false
    for (const [model, page] of this.#pages) {
      const { slots, busy, queued } = load(model)
      const share = slots === 0 ? 0 : (busy + queued) / slots
      if (page.turn(share, { feeBps, prices: this.floorOf(model) }, now)) changed = true
    }
    if (changed) for (const listener of this.#listeners) listener()
  }

  #feeBps(): number {
    return this.#options.feeBps?.() ?? 0
  }
}

/** The least prices, if anything about them is known, and the fee that they are for. */
interface Floor {
  readonly prices: Prices | undefined
  readonly feeBps: number
}

/** The prices of one model, and those that offers which are still valid may name. */
class Page {
  readonly #strategy: Strategy
  readonly #lifeMs: number
  readonly #share = new SmoothedShare()
  /** Each with when it was replaced; the last one is of now. */
  #history: { prices: Prices; until: number }[] = []
  #asked: Prices
  #floor: Floor = { prices: undefined, feeBps: 0 }
  prices: Prices

  constructor(strategy: Strategy, lifeMs: number) {
    this.#strategy = strategy
    this.#lifeMs = lifeMs
    this.#asked = strategy.type === 'fixed' ? strategy.prices : strategy.floor
    this.prices = this.#asked
  }

  /** @returns whether the prices have changed */
  turn(share: number, floor: Floor, now: number): boolean {
    this.#share.add(share, now)
    this.#history = this.#history.filter(({ until }) => until > now - this.#lifeMs)
    if (this.#strategy.type === 'utilization') {
      this.#asked = nextPrices(this.#strategy, this.#share.value, this.#asked, this.#lowest())
    }
    // A measured speed is never twice the same: the floor, too, moves by steps. A fee is told, and counts at once.
    const { prices: before, feeBps } = this.#floor
    const known = before !== undefined && floor.prices !== undefined && floor.feeBps === feeBps
    if (!known || isStep(before, floor.prices)) this.#floor = floor
    const next = atLeast(this.#asked, this.#floor.prices)
    if (next.inputPrice === this.prices.inputPrice && next.outputPrice === this.prices.outputPrice)
      return false
    this.#history.push({ prices: this.prices, until: now })
    this.prices = next
    return true
  }

  #lowest(): Prices {
    return this.#history.reduce(
      (lowest, { prices }) => ({
        inputPrice: least(lowest.inputPrice, prices.inputPrice),
        outputPrice: least(lowest.outputPrice, prices.outputPrice),
      }),
      this.prices,
    )
  }
}

function atLeast(prices: Prices, floor: Prices | undefined): Prices {
  if (floor === undefined) return prices
  const most = <Price extends bigint>(a: Price, b: Price): Price => (a > b ? a : b)
  return {
    inputPrice: most(prices.inputPrice, floor.inputPrice),
    outputPrice: most(prices.outputPrice, floor.outputPrice),
  }
}

function least<Price extends bigint>(a: Price, b: Price): Price {
  return a < b ? a : b
}
