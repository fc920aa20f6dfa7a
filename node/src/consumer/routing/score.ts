import type { KnownOffer, MatchedOffer } from '@hanse/protocol'
import type { Sort } from '../request.ts'
import { type Expectation, promptScale } from './measurements.ts'
import type { Feature } from './traits.ts'

/** What one request is expected to need. */
export interface Need {
  /** Tokens. */
  readonly inputTokens: number
  readonly outputTokens: number
  readonly features: readonly Feature[]
}

/** What a choice rests on, for one request. */
export interface ScoreParts {
  /** What it is expected to cost, pico-euro. */
  readonly cost: number
  /** From the order to the first token, ms. */
  readonly firstTokenMs: number
  readonly tokensPerSecond: number
  /** From the order to the last token, failures and what they cost in time included, ms. */
  readonly answerMs: number
  /** 0 to 1. */
  readonly errorRate: number
  /** Whether its answers differ from those of others, where both were asked: 0 to 1. */
  readonly doubt: number
  /** Share of its slots that are taken, as far as this node knows; 1 when none is free. */
  readonly occupancy: number
  readonly evidenceLevel: number
  /** Nothing that the request needs is missing in the offer, as far as it tells. */
  readonly fits: boolean
  /** Sessions that the expectation rests on, those of long ago counted in part. */
  readonly observations: number
}

export interface Scored<Known extends KnownOffer> extends MatchedOffer<Known> {
  readonly parts: ScoreParts
  /** Less is better; differences count, see `lossOf`. */
  readonly loss: number
}

/** How much a doubling of each counts. */
interface Weights {
  readonly cost: number
  readonly firstToken: number
  readonly token: number
  readonly answer: number
}

/** The other things still decide between providers that are alike in what was asked for. */
const WEIGHTS: Readonly<{ [Which in Sort]: Weights }> = {
  balanced: { cost: 1, firstToken: 0.25, token: 0, answer: 1 },
  price: { cost: 1, firstToken: 0, token: 0, answer: 0.05 },
  latency: { cost: 0.05, firstToken: 1, token: 0, answer: 0.1 },
  throughput: { cost: 0.05, firstToken: 0, token: 1, answer: 0.1 },
}

/** A full batch shares the GPU's memory bandwidth. */
const SLOWER_WHEN_FULL = 0.5
/** Without a free slot there is a queue, or a refusal. */
const FULL = Math.log(8)
/** What one failure costs besides the time until it shows, ms. */
const RETRY_MS = 2_000
/** Each level of evidence beyond what was asked for is worth two percent. */
const EVIDENCE = 0.02
/** One refutation makes a provider four times as bad, many sixteen times. */
const DOUBT = Math.log(16)
/** An offer that does not list what the request needs may do it all the same: engines do not always tell. */
const UNFIT = Math.log(8)
/** Cheaper than a hundredth of the usual price counts as that: next to nothing is not infinitely better. */
const CHEAPEST = 0.01

export interface Load {
  /** Orders of this node that run there and that the offer cannot count yet. */
  readonly own: number
}

/**
 * Expectations of a candidate. With `p` the error rate and `u` the occupancy:
 *
 * - first token = measured × (1 + input tokens / 2,000) × load, load = 1 + u/2
 * - answer = (first token + output tokens × time per token × load + p × 2 s) / (1 − p)
 * - cost = input tokens × input price + output tokens × output price
 */
export function partsOf<Known extends KnownOffer>(
  { model, evidenceLevel }: MatchedOffer<Known>,
  expected: Expectation,
  { inputTokens, outputTokens, features }: Need,
  { own }: Load,
): ScoreParts {
  const slots = Math.max(1, model.slots)
  const free = Math.max(0, Math.min(model.freeSlots, slots) - own)
  const occupancy = 1 - free / slots
  const load = 1 + SLOWER_WHEN_FULL * occupancy
  const errorRate = Math.min(expected.errorRate, 0.99)
  const firstTokenMs = expected.firstTokenMs * promptScale(inputTokens) * load
  const tokenMs = expected.tokenMs * load
  const tokens = Math.min(outputTokens, model.maxOutputTokens)
  const context = inputTokens + tokens <= model.contextLength
  return {
    cost: inputTokens * Number(model.inputPrice) + tokens * Number(model.outputPrice),
    firstTokenMs,
    tokensPerSecond: 1_000 / Math.max(tokenMs, 0.001),
    answerMs: (firstTokenMs + tokens * tokenMs + errorRate * RETRY_MS) / (1 - errorRate),
    errorRate,
    doubt: expected.doubt,
    occupancy,
    evidenceLevel,
    fits: context && features.every((feature) => model.capabilities.includes(feature)),
    observations: expected.observations,
  }
}

/** The price below which cheaper is no better: a hundredth of the median. */
export function costFloor(parts: readonly Pick<ScoreParts, 'cost'>[]): number {
  const costs = parts.map(({ cost }) => cost).toSorted((a, b) => a - b)
  const median = costs[Math.floor(costs.length / 2)] ?? 0
  const most = costs.at(-1) ?? 0
  return Math.max(median * CHEAPEST, most * CHEAPEST ** 2, Number.MIN_VALUE)
}

/**
 * The sum of weighted logarithms of cost, times and reliability: half the price makes up for twice the time where both
 * count alike, whatever the market's prices and speeds are.
 *
 * loss = w₁ ln cost + w₂ ln first token + w₃ ln time per token + w₄ ln answer − 0.02 × evidence level
 * + ln 16 × doubt + ln 8 without a free slot + ln 8 when the offer lacks what the request needs
 */
export function lossOf(parts: ScoreParts, sort: Sort, floor: number): number {
  const { cost, firstToken, token, answer } = WEIGHTS[sort]
  const reliable = 1 / (1 - parts.errorRate)
  return (
    cost * Math.log(Math.max(parts.cost, floor)) +
    firstToken * Math.log(Math.max(1, parts.firstTokenMs) * reliable) +
    token * Math.log(reliable / parts.tokensPerSecond) +
    answer * Math.log(Math.max(1, parts.answerMs)) -
    EVIDENCE * parts.evidenceLevel +
    DOUBT * parts.doubt +
    (parts.occupancy < 1 ? 0 : FULL) +
    (parts.fits ? 0 : UNFIT)
  )
}
