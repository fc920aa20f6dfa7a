import { formatPrice, type PicoEuro, type Prices, picoEuro } from '@hanse/protocol'
import { type MarketOffer, spreadOf } from './market.ts'
import { risen } from './utilization.ts'

export interface OwnModel {
  readonly model: string
  /** What is asked now; `undefined` where it is not offered yet. */
  readonly prices: Prices | undefined
  /** Below these, power costs more than it earns; `undefined` where that is not known. */
  readonly floor: Prices | undefined
}

export interface Advice {
  readonly model: string
  readonly action: 'raise' | 'lower' | 'keep' | 'offer'
  /** `undefined` where there is nothing to go by. */
  readonly prices: Prices | undefined
  /** Of the others, how many ask less for output, and how many more. */
  readonly cheaper: number
  readonly dearer: number
  readonly reasons: readonly string[]
}

/** What to do about the prices of a model of one's own, from the offers of others and what power costs. */
export function advise(own: OwnModel, others: readonly MarketOffer[]): Advice {
  const rivals = others.filter(({ model }) => model === own.model)
  const asked = own.prices?.outputPrice
  const cheaper = rivals.filter(({ outputPrice }) => asked !== undefined && outputPrice < asked)
  const dearer = rivals.filter(({ outputPrice }) => asked !== undefined && outputPrice > asked)
  const { action, prices: wanted, reasons } = judge(own, rivals)
  const prices = wanted === undefined ? undefined : notBelow(wanted, own.floor, reasons)
  const stays =
    prices?.inputPrice === own.prices?.inputPrice && prices?.outputPrice === own.prices?.outputPrice
  return {
    model: own.model,
    action: own.prices !== undefined && stays ? 'keep' : action,
    prices,
    cheaper: cheaper.length,
    dearer: dearer.length,
    reasons,
  }
}

interface Judgement {
  action: Advice['action']
  prices: Prices | undefined
  reasons: string[]
}

function judge({ prices, floor }: OwnModel, rivals: readonly MarketOffer[]): Judgement {
  if (rivals.length === 0) return alone(prices, floor)
  const input = spreadOf(rivals.map(({ inputPrice }) => inputPrice))
  const output = spreadOf(rivals.map(({ outputPrice }) => outputPrice))
  const median = { inputPrice: input.median, outputPrice: output.median }
  const free = rivals.reduce((sum, { freeSlots }) => sum + freeSlots, 0)
  if (prices === undefined) {
    return { action: 'offer', prices: median, reasons: ['the median of what others ask'] }
  }
  if (isBelow(prices, floor)) {
    return { action: 'raise', prices: floor, reasons: ['the electricity costs more than it earns'] }
  }
  if (prices.outputPrice > risen(output.median) && free > 0) {
    const reasons = [
      `others ask ${formatPrice(output.median)} in the middle, and have ${free} slots free`,
    ]
    return { action: 'lower', prices: cheaperOf(prices, median), reasons }
  }
  if (free === 0) {
    const reasons = ['no other provider has a slot free: there is more demand than supply']
    return { action: 'raise', prices: both(prices, risen), reasons }
  }
  if (risen(prices.outputPrice) < output.min) {
    const reasons = [
      `the next cheapest asks ${formatPrice(output.min)}: a little less is still the first choice`,
    ]
    // One percent below the next one stays the first in a list by price.
    const outputPrice = picoEuro((output.min * 99n) / 100n)
    return { action: 'raise', prices: { ...prices, outputPrice }, reasons }
  }
  return { action: 'keep', prices, reasons: ['within what others ask'] }
}

function alone(prices: Prices | undefined, floor: Prices | undefined): Judgement {
  const reasons = ['nobody else offers this model']
  if (prices === undefined) return { action: 'offer', prices: floor, reasons }
  if (!isBelow(prices, floor)) return { action: 'keep', prices, reasons }
  return {
    action: 'raise',
    prices: floor,
    reasons: [...reasons, 'the electricity costs more than it earns'],
  }
}

function isBelow(prices: Prices, floor: Prices | undefined): boolean {
  if (floor === undefined) return false
  return prices.inputPrice < floor.inputPrice || prices.outputPrice < floor.outputPrice
}

function notBelow(prices: Prices, floor: Prices | undefined, reasons: string[]): Prices {
  if (floor === undefined || !isBelow(prices, floor)) return prices
  const note = 'not below what the electricity costs'
  if (!reasons.some((reason) => reason.includes('electricity'))) reasons.push(note)
  const most = (a: PicoEuro, b: PicoEuro) => (a > b ? a : b)
  return {
    inputPrice: most(prices.inputPrice, floor.inputPrice),
    outputPrice: most(prices.outputPrice, floor.outputPrice),
  }
}

function cheaperOf(a: Prices, b: Prices): Prices {
  const least = (x: PicoEuro, y: PicoEuro) => (x < y ? x : y)
  return {
    inputPrice: least(a.inputPrice, b.inputPrice),
    outputPrice: least(a.outputPrice, b.outputPrice),
  }
}

function both(prices: Prices, change: (price: bigint) => bigint): Prices {
  return {
    inputPrice: picoEuro(change(prices.inputPrice)),
    outputPrice: picoEuro(change(prices.outputPrice)),
  }
}
