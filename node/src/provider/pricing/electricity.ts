import { type PicoEuro, type Prices, picoEuro } from '@hanse/protocol'

export interface PowerFacts {
  /** Pico-euro a kilowatt-hour. */
  readonly perKwh: PicoEuro
  /** What the machine draws while it answers. */
  readonly watts: number
  /** Of all answers of the model together. */
  readonly outputTokensPerSecond: number
  /** Of prompts; `undefined` while not measured. */
  readonly inputTokensPerSecond: number | undefined
  /** What is to be earned on top of the power, percent. */
  readonly marginPercent: number
  /** What the platform keeps of the price, basis points; 0 where there is none. */
  readonly feeBps: number
}

/**
 * What a token has to cost so that what is left of it after the fee pays for its power and the margin, pico-euro, rounded
 * up:
 *
 *     EUR/kWh × kW ÷ 3600 s/h ÷ tokens/s × (100 + margin) / 100 ÷ (1 − fee)
 *
 * Money stays whole; watts and speeds, which are measured, count to a thousandth.
 */
export function tokenFloor(
  { perKwh, watts, marginPercent, feeBps }: Omit<PowerFacts, `${'in' | 'out'}putTokensPerSecond`>,
  tokensPerSecond: number,
): PicoEuro {
  const milliwatts = thousandths(watts)
  // Slower than a token in a thousand seconds is no speed; a division by zero is no price.
  const milliTokens = max(thousandths(tokensPerSecond), 1n)
  const cost = perKwh * milliwatts * BigInt(100 + Math.round(marginPercent)) * BPS
  return picoEuro(ceilDiv(cost, WATT_SECONDS_PER_KWH * 100n * milliTokens * leftOf(feeBps)))
}

const WATT_SECONDS_PER_KWH = 3_600_000n
const BPS = 10_000n

/** Basis points that the fee leaves. Of a fee that takes everything no price is left with anything: one part remains. */
function leftOf(feeBps: number): bigint {
  return max(BPS - BigInt(Math.max(0, Math.ceil(feeBps))), 1n)
}

/**
 * The least prices of a model. While nobody knows how fast prompts are read, a token of a prompt is worth the share of
 * one of an answer that `base` says.
 */
export function electricityFloor(facts: PowerFacts, base: Prices): Prices {
  const outputPrice = tokenFloor(facts, facts.outputTokensPerSecond)
  const { inputTokensPerSecond } = facts
  if (inputTokensPerSecond !== undefined)
    return { inputPrice: tokenFloor(facts, inputTokensPerSecond), outputPrice }
  const inputPrice =
    base.outputPrice === 0n
      ? picoEuro(0n)
      : picoEuro(ceilDiv(outputPrice * base.inputPrice, base.outputPrice))
  return { inputPrice, outputPrice }
}

function thousandths(value: number): bigint {
  return BigInt(Math.max(0, Math.round(value * 1000)))
}

function ceilDiv(a: bigint, b: bigint): bigint {
  return (a + b - 1n) / b
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}
