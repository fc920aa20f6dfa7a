import type { Random } from '../kernel/index.ts'

/** Shapes of the market. Spreads are of the logarithm: 0.7 means that one in six is twice as fast as usual, or faster. */
export interface MarketShape {
  readonly providers: number
  /** Virtual time, ms. */
  readonly durationMs: number
  readonly requestsPerSecond: number
  /** Share of the providers that say they are several times as fast as they are. */
  readonly liars: number
  /** Share of the providers that fail often. */
  readonly flaky: number
}

export const MARKET: MarketShape = {
  providers: 200,
  durationMs: 30 * 60_000,
  requestsPerSecond: 2,
  liars: 0.15,
  flaky: 0.15,
}

/** A time in which a provider is away, or slow. */
export interface Phase {
  readonly from: number
  readonly until: number
}

/** One provider, as it is and as it says it is. */
export interface ProviderPlan {
  readonly name: string
  /** Pico-euro per token. */
  readonly inputPrice: bigint
  readonly outputPrice: bigint
  readonly slots: number
  /** What its other customers take of its slots, 0 to 1. */
  readonly demand: number
  /** Before the prompt is read: network, queue of the engine; median, ms. */
  readonly baseMs: number
  /** Tokens a second, of a prompt and of an answer. */
  readonly prefill: number
  readonly speed: number
  readonly claimed: number | null
  /** Of an order, before the first token or after it. */
  readonly failureRate: number
  readonly away: readonly Phase[]
  readonly slow: readonly Phase[]
  /** A crashed process refuses at once; a machine that is off lets one wait. */
  readonly vanishes: boolean
}

export interface RequestPlan {
  readonly at: number
  readonly inputTokens: number
  readonly outputTokens: number
}

export interface MarketPlan {
  readonly shape: MarketShape
  readonly providers: readonly ProviderPlan[]
  readonly requests: readonly RequestPlan[]
}

const PRICE_MEDIAN = 200_000
const SPEED_MEDIAN = 30
const PREFILL_MEDIAN = 1_500
/** Pareto: the smallest, and the exponent; of the slowest one in twenty the first token takes over a second and a half. */
const BASE_MS_MIN = 150
const BASE_EXPONENT = 1.3
const BASE_MS_MAX = 20_000
const SLOW_EVERY_MS = 45 * 60_000
const SLOW_MS = 4 * 60_000
const AWAY_EVERY_MS = 90 * 60_000
const AWAY_MS = 8 * 60_000

export function planMarket(shape: MarketShape, random: Random): MarketPlan {
  const providers = Array.from({ length: shape.providers }, (_, i) =>
    planProvider(`provider-${i}`, shape, random.fork(`provider ${i}`)),
  )
  return { shape, providers, requests: planRequests(shape, random.fork('requests')) }
}

function planProvider(name: string, shape: MarketShape, random: Random): ProviderPlan {
  const speed = SPEED_MEDIAN * lognormal(random, 0.7)
  // Fast hardware costs more, but much less than in proportion.
  const price = PRICE_MEDIAN * lognormal(random, 0.5) * (speed / SPEED_MEDIAN) ** 0.2
  const base = BASE_MS_MIN / (1 - random.float()) ** (1 / BASE_EXPONENT)
  const lies = random.chance(shape.liars)
  const claim = speed * (lies ? 3 + 7 * random.float() : 0.9 + 0.3 * random.float())
  const tells = lies || !random.chance(0.1)
  const flaky = random.chance(shape.flaky)
  return {
    name,
    inputPrice: BigInt(Math.round(price / 2)),
    outputPrice: BigInt(Math.round(price)),
    slots: random.between(1, 8),
    demand: 0.8 * random.float(),
    baseMs: Math.min(base, BASE_MS_MAX),
    prefill: PREFILL_MEDIAN * lognormal(random, 0.6),
    speed,
    claimed: tells ? Math.max(1, Math.round(claim)) : null,
    failureRate: flaky ? 0.05 + 0.25 * random.float() : 0.005,
    away: phases(random, AWAY_EVERY_MS, AWAY_MS, shape.durationMs),
    slow: phases(random, SLOW_EVERY_MS, SLOW_MS, shape.durationMs),
    vanishes: random.chance(0.3),
  }
}

function planRequests(
  { durationMs, requestsPerSecond }: MarketShape,
  random: Random,
): RequestPlan[] {
  const requests: RequestPlan[] = []
  let at = 0
  for (;;) {
    at += random.exponential(1000 / requestsPerSecond)
    if (at >= durationMs) return requests
    requests.push({
      at,
      inputTokens: Math.ceil(Math.min(400 * lognormal(random, 0.9), 16_000)),
      outputTokens: Math.ceil(Math.min(200 * lognormal(random, 0.7), 1_500)),
    })
  }
}

function phases(random: Random, everyMs: number, lengthMs: number, durationMs: number): Phase[] {
  const found: Phase[] = []
  for (let from = random.exponential(everyMs); from < durationMs; ) {
    const until = from + random.exponential(lengthMs)
    found.push({ from, until })
    from = until + random.exponential(everyMs)
  }
  return found
}

/** With median 1 (Box and Muller). */
export function lognormal(random: Random, spread: number): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.float()))
  return Math.exp(spread * radius * Math.cos(2 * Math.PI * random.float()))
}
