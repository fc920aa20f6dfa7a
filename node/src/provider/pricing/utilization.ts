import { type Prices, picoEuro } from '@hanse/protocol'

/** Load of the last five minutes: shorter, and a single long answer would move the price. */
const SMOOTHING_MS = 5 * 60_000
/** Smaller moves are not worth a new offer. */
export const STEP_PERCENT = 5n
/**
 * What a price may rise above that of an offer which is still valid: without a highest price, consumers accept no quote
 * that asks for more.
 */
export const RISE_MAX_PERCENT = 10n
/** Shares of one in whole numbers, so that money is computed without fractions. */
const WHOLE = 1_000_000n

/** How busy a model is and what waits for it, 0 to 1, smoothed over time. */
export class SmoothedShare {
  #share = 0
  #at: number | undefined

  /** @param share of the slots that are taken or waited for */
  add(share: number, now: number): void {
    const elapsed = this.#at === undefined ? 0 : Math.max(0, now - this.#at)
    this.#at = now
    this.#share += (Math.min(1, share) - this.#share) * (1 - Math.exp(-elapsed / SMOOTHING_MS))
  }

  get value(): number {
    return this.#share
  }
}

export interface Range {
  readonly floor: Prices
  readonly ceiling: Prices
}

/**
 * The next prices for a load of `share`, coming from `current`. They stay where they are while the move is below a step,
 * and never rise above what `lowest` (the lowest prices of offers that are still valid) allows.
 */
export function nextPrices(range: Range, share: number, current: Prices, lowest: Prices): Prices {
  const wanted = BigInt(Math.round(Math.min(1, Math.max(0, share)) * Number(WHOLE)))
  const allowed = [
    reach(range.floor.inputPrice, range.ceiling.inputPrice, risen(lowest.inputPrice)),
    reach(range.floor.outputPrice, range.ceiling.outputPrice, risen(lowest.outputPrice)),
  ].reduce((a, b) => (b < a ? b : a))
  const target = at(range, wanted < allowed ? wanted : allowed)
  return isStep(current, target) ? target : current
}

/** The most that may be asked where `price` was offered. */
export function risen(price: bigint): bigint {
  return price + (price * RISE_MAX_PERCENT) / 100n
}

/** Whether one of the prices moves by a step at least. */
export function isStep(from: Prices, to: Prices): boolean {
  const moved = (a: bigint, b: bigint) => {
    const difference = a > b ? a - b : b - a
    return difference > 0n && difference * 100n >= a * STEP_PERCENT
  }
  return moved(from.inputPrice, to.inputPrice) || moved(from.outputPrice, to.outputPrice)
}

/** Which part of the way from floor to ceiling stays within `limit`. */
function reach(floor: bigint, ceiling: bigint, limit: bigint): bigint {
  if (limit >= ceiling || ceiling <= floor) return WHOLE
  return limit <= floor ? 0n : ((limit - floor) * WHOLE) / (ceiling - floor)
}

function at({ floor, ceiling }: Range, part: bigint): Prices {
  const between = (low: bigint, high: bigint) => picoEuro(low + ((high - low) * part) / WHOLE)
  return {
    inputPrice: between(floor.inputPrice, ceiling.inputPrice),
    outputPrice: between(floor.outputPrice, ceiling.outputPrice),
  }
}
