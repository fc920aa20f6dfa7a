import { type PicoEuro, type Prices, picoEuro } from '@hanse/protocol'
import { tokenFloor } from './electricity.ts'
import { type MarketOffer, spreadOf } from './market.ts'

/** What is known of a model before it has answered once. */
export interface ModelFacts {
  /** As it is offered. */
  readonly id: string
  readonly parameters: number | null
  readonly sizeBytes: number | null
  readonly quantization: string | null
}

export interface Suggestion extends Prices {
  readonly basis: 'model' | 'size' | 'cost'
  /** That it rests on. */
  readonly offers: number
  /** For the owner. */
  readonly reason: string
}

/** The machine that suggestions assume while nobody has measured the real one. */
export interface ReferenceMachine {
  /** Of the whole computer while it answers. */
  readonly watts: number
  /** Pico-euro a kilowatt-hour. */
  readonly perKwh: PicoEuro
  /** Of the GPU's memory: each token of an answer reads all weights once. */
  readonly memoryBytesPerSecond: number
  /** Answers that share one reading of the weights. */
  readonly concurrency: number
  /** Floating-point operations a second; a token of a prompt takes two for each parameter. */
  readonly flops: number
  /** What is to be earned on top of the electricity, percent: the card itself has to be paid, too. */
  readonly marginPercent: number
  /** What the platform keeps of the price, where that is known, basis points. */
  readonly feeBps: number
}

/**
 * A gaming PC with a card of 24 GB: 936 GB/s and 71 TFLOPS on paper (RTX 3090, half precision), of which engines reach
 * about 60 and 40 percent; 350 W for the card and 100 W for the rest; power as EU households pay it, 0.29 EUR/kWh
 * (Eurostat, 2024); two slots; a card that earns as much as it burns.
 */
export const REFERENCE_MACHINE: ReferenceMachine = {
  watts: 450,
  perKwh: picoEuro(290_000_000_000n),
  memoryBytesPerSecond: 936e9 * 0.6,
  concurrency: 2,
  flops: 71e12 * 0.4,
  marginPercent: 100,
  feeBps: 0,
}

/** Where neither engine nor name tells: the most common size of model that fits a gaming card. */
const PARAMETERS_UNKNOWN = 8e9
/** Half of a byte and its scales, as most downloads have it. */
const BITS_UNKNOWN = 4.85
/** With fewer offers a single one decides, and it may be a joke: then not far above what the cost says. */
const OFFERS_ENOUGH = 3
const COST_TIMES_MAX = 10n
/** Models of up to twice the size compete. */
const SIZE_FACTOR = 2

/**
 * Prices to begin with: the median of the market for this very model, else for models of its size, else by cost. Never
 * below the electricity of the reference machine.
 */
export function suggestPrices(
  facts: ModelFacts,
  market: readonly MarketOffer[],
  machine: ReferenceMachine = REFERENCE_MACHINE,
): Suggestion {
  const cost = costOf(facts, machine)
  const same = market.filter(({ model }) => model === facts.id)
  if (same.length > 0) {
    const reason = `the median of ${count(same)} of this model`
    return { ...byMarket(same, cost, machine), basis: 'model', offers: same.length, reason }
  }
  const parameters = parametersOf(facts)
  const alike = market.filter(({ model }) => {
    const size = sizeInName(model)
    return size !== undefined && within(size, parameters, SIZE_FACTOR)
  })
  if (alike.length >= OFFERS_ENOUGH) {
    const reason = `the median of ${count(alike)} of models of about ${billions(parameters)} parameters`
    return { ...byMarket(alike, cost, machine), basis: 'size', offers: alike.length, reason }
  }
  const reason = `what ${billions(parameters)} parameters cost a gaming PC in electricity, and ${machine.marginPercent} % on top`
  return { ...cost, basis: 'cost', offers: 0, reason }
}

/** The cost by the machine's power and speed, rounded up to two digits. */
export function costOf(facts: ModelFacts, machine: ReferenceMachine): Prices {
  const parameters = parametersOf(facts)
  const weights = facts.sizeBytes ?? (parameters * bitsOf(facts.quantization)) / 8
  const outputTokensPerSecond = (machine.memoryBytesPerSecond * machine.concurrency) / weights
  const inputTokensPerSecond = machine.flops / (2 * parameters)
  return {
    inputPrice: twoDigits(tokenFloor(machine, inputTokensPerSecond)),
    outputPrice: twoDigits(tokenFloor(machine, outputTokensPerSecond)),
  }
}

function byMarket(offers: readonly MarketOffer[], cost: Prices, machine: ReferenceMachine): Prices {
  const side = (prices: readonly PicoEuro[], priced: bigint) => {
    const { median } = spreadOf(prices)
    const bare = (priced * 100n) / BigInt(100 + machine.marginPercent)
    const most = priced * COST_TIMES_MAX
    if (median < bare) return picoEuro(bare)
    return offers.length < OFFERS_ENOUGH && median > most ? picoEuro(most) : median
  }
  return {
    inputPrice: side(
      offers.map(({ inputPrice }) => inputPrice),
      cost.inputPrice,
    ),
    outputPrice: side(
      offers.map(({ outputPrice }) => outputPrice),
      cost.outputPrice,
    ),
  }
}

function parametersOf({ id, parameters, sizeBytes, quantization }: ModelFacts): number {
  if (parameters !== null && parameters > 0) return parameters
  const named = sizeInName(id)
  if (named !== undefined) return named
  return sizeBytes === null || sizeBytes <= 0
    ? PARAMETERS_UNKNOWN
    : (sizeBytes * 8) / bitsOf(quantization)
}

/** Parameters as names tell them: `llama-3.2-3b`, `qwen2.5-0.5b`, `mixtral-8x7b`. */
export function sizeInName(name: string): number | undefined {
  const match = /(?<![a-z0-9.])(?:(\d{1,2})x)?(\d{1,4}(?:\.\d{1,3})?)([bm])(?![a-z0-9])/iu.exec(
    name,
  )
  if (match === null) return undefined
  const [, experts = '1', size, unit] = match
  const parameters = Number(experts) * Number(size) * (unit?.toLowerCase() === 'm' ? 1e6 : 1e9)
  return parameters > 0 ? parameters : undefined
}

/** Bits of one weight: `F16`, `BF16`, `FP8` say it; `Q4_K_M` and its kin need almost a bit more for scales. */
export function bitsOf(quantization: string | null): number {
  const match = /^(I?Q|B?F|FP|INT|W)(\d{1,2})/iu.exec(quantization ?? '')
  const bits = Number(match?.[2])
  if (match === null || !(bits >= 1 && bits <= 32)) return BITS_UNKNOWN
  return /q$/iu.test(match[1] ?? '') ? bits + 0.85 : bits
}

function within(a: number, b: number, factor: number): boolean {
  return a <= b * factor && b <= a * factor
}

function twoDigits(price: PicoEuro): PicoEuro {
  const unit = 10n ** BigInt(Math.max(0, price.toString().length - 2))
  return picoEuro(((price + unit - 1n) / unit) * unit)
}

function billions(parameters: number): string {
  return `${Number((parameters / 1e9).toPrecision(2))} billion`
}

function count(offers: readonly MarketOffer[]): string {
  return offers.length === 1 ? 'the one offer' : `${offers.length} offers`
}
