import { type Prices, picoEuro } from '@hanse/protocol'
import type { Kernel } from '../kernel/index.ts'
import { MODEL } from './classes.ts'
import type { MarketShape, ProviderPlan } from './plan.ts'
import {
  type MarketOffer,
  PriceBook,
  parseTariff,
  type Scheduler,
  type Strategy,
  suggestPrices,
  Tariff,
  VALID_MS,
  WallClock,
} from './production.ts'
import { wallTime } from './virtual-time.ts'

/** The node's own settings where nobody sets others: `price-floor-percent`, `price-ceiling-percent`, `margin-percent`. */
export const PRICE_SETTINGS = { floorPercent: 75, ceilingPercent: 200, marginPercent: 20 } as const

const CLOCK = new WallClock('Europe/Berlin')
const FACTS = { id: MODEL, parameters: null, sizeBytes: null, quantization: 'Q4_K_M' }

/** The node's price book for one owner, who begins near what the node suggests. */
export function priceBookOf(
  plan: ProviderPlan,
  shape: MarketShape,
  given: {
    readonly scheduler: Scheduler
    readonly kernel: Kernel
    readonly market: readonly MarketOffer[]
  },
  prices: Prices = times(suggestPrices(FACTS, given.market), plan.guess),
): PriceBook {
  const { scheduler, kernel } = given
  const { facts } = plan
  const tariff = new Tariff(parseTariff(facts.tariff), CLOCK)
  const electricity = {
    tariff,
    watts: () => facts.watts,
    marginPercent: PRICE_SETTINGS.marginPercent,
    expectedTokensPerSecond: Math.max(1, Math.round(plan.speed * facts.slots)),
  }
  return new PriceBook({
    strategies: new Map([[MODEL, strategyOf(plan, prices)]]),
    load: (model) => scheduler.load(model),
    throughput: (model) => scheduler.throughput(model),
    electricity: shape.rules.priceFloor ? electricity : undefined,
    feeBps: () => shape.feeBps,
    offerLifeMs: VALID_MS,
    now: () => wallTime(shape, kernel.now),
  })
}

function strategyOf({ pricing }: ProviderPlan, prices: Prices): Strategy {
  if (pricing !== 'utilization') return { type: 'fixed', prices }
  return {
    type: 'utilization',
    floor: times(prices, PRICE_SETTINGS.floorPercent / 100),
    ceiling: times(prices, PRICE_SETTINGS.ceilingPercent / 100),
  }
}

function times({ inputPrice, outputPrice }: Prices, factor: number): Prices {
  const scaled = (price: bigint) => picoEuro(BigInt(Math.round(Number(price) * factor)))
  return { inputPrice: scaled(inputPrice), outputPrice: scaled(outputPrice) }
}
