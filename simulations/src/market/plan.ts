import type { Random } from '../kernel/random.ts'
import { lognormal } from '../market-selection/market-plan.ts'
import { CLASSES, type ClassFacts, PROVIDER_CLASSES, type ProviderClass } from './classes.ts'
import type { RoutingSettings } from './production.ts'

/** How an owner sets prices, from a first guess around what the node suggests. */
export const PRICINGS = ['fixed', 'utilization', 'advised', 'mixed'] as const
export type Pricing = (typeof PRICINGS)[number]
export type OwnPricing = Exclude<Pricing, 'mixed'>

export const PROVIDER_CHEATS = ['weak-model', 'overcount-output', 'vanish'] as const
export type ProviderCheat = (typeof PROVIDER_CHEATS)[number]
export const CONSUMER_CHEATS = ['withhold', 'withhold-later'] as const
export type ConsumerCheat = (typeof CONSUMER_CHEATS)[number]

export type Sort = RoutingSettings['sort']
export const SORTS: readonly Sort[] = ['balanced', 'price', 'latency', 'throughput']
export type ConsumerKind = 'interactive' | 'batch'

/** Rules of the market that a test can break, to see that the report shows it. */
export interface Rules {
  /** No price of which the fee leaves less than the electricity and its margin. */
  readonly priceFloor: boolean
  /** `reset`: each session starts with a small window. `kept`: with what the last one had grown to. `none`: without any. */
  readonly windows: 'reset' | 'kept' | 'none'
  /** Providers remember who left a window unpaid. */
  readonly memory: boolean
}

export interface MarketShape {
  readonly seed: string
  /** Of the day, by the clock in Berlin, on a Monday. */
  readonly from: number
  readonly hours: number
  readonly providers: Readonly<Record<ProviderClass, number>>
  /** Of each kind and policy. */
  readonly consumersEach: number
  /** Requests a second of all consumers together, on average over a day. */
  readonly rate: number
  /** Share of the requests that is of programs. */
  readonly batchShare: number
  readonly pricing: Pricing
  /** Basis points. */
  readonly feeBps: number
  /** Those who lose money on every hour stay away for the next ones. */
  readonly leavesAtALoss: boolean
  readonly exploreShare: number
  /** Share of the requests that are asked for again elsewhere. */
  readonly spotCheckShare: number
  /** Share of all providers and of all consumers that cheat, each kind in turn. */
  readonly cheatingProviders: number
  readonly cheatingConsumers: number
  /** After so many hours this share of the providers is gone at once. */
  readonly leave: { readonly afterHours: number; readonly share: number } | undefined
  /** After so many hours one of each class comes. */
  readonly newcomersAfterHours: number | undefined
  readonly rules: Rules
}

export const MARKET: MarketShape = {
  seed: 'market 0',
  from: 18,
  hours: 3,
  providers: { home: 16, rack: 4, cloud: 2 },
  consumersEach: 3,
  rate: 0.75,
  batchShare: 0.4,
  pricing: 'mixed',
  feeBps: 2_500,
  leavesAtALoss: false,
  exploreShare: 0.05,
  spotCheckShare: 0.02,
  cheatingProviders: 0,
  cheatingConsumers: 0,
  leave: undefined,
  newcomersAfterHours: undefined,
  rules: { priceFloor: true, windows: 'reset', memory: true },
}

export interface ProviderPlan {
  readonly name: string
  readonly type: ProviderClass
  readonly facts: ClassFacts
  readonly country: string
  readonly isAlwaysOpen: boolean
  readonly speed: number
  readonly prefill: number
  readonly baseMs: number
  /** How far its owner is off at first: 1 asks what the node suggests. */
  readonly guess: number
  readonly pricing: OwnPricing
  readonly cheat: ProviderCheat | undefined
  readonly comesAtMs: number
  readonly leavesAtMs: number
}

export interface ConsumerPlan {
  readonly name: string
  readonly kind: ConsumerKind
  readonly sort: Sort
  readonly allow: readonly string[]
  /** Pico-euro per token of an answer; undefined for any price. */
  readonly maxOutputPrice: bigint | undefined
  /** EUR for all that it asks. */
  readonly budgetEur: number
  readonly hasTokenizer: boolean
  readonly cheat: ConsumerCheat | undefined
}

const HOUR_MS = 3_600_000
const COUNTRIES = ['DE', 'DE', 'DE', 'FR', 'NL', 'PL', 'FI', 'ES', 'CH', 'US'] as const
const GUESSES = 0.4
const SPEEDS = 0.25

export function planProviders(shape: MarketShape, random: Random): ProviderPlan[] {
  const rounds = PROVIDER_CLASSES.flatMap((type) =>
    Array.from({ length: shape.providers[type] }, (_, i) => ({ type, i })),
  )
  const leavers = chosen(rounds.length, shape.leave?.share ?? 0, random.fork('leavers'))
  const cheats = chosen(rounds.length, shape.cheatingProviders, random.fork('cheats'))
  const own = rounds.map(({ type, i }, place) => {
    const leave = shape.leave !== undefined && leavers.has(place)
    return {
      ...planProvider(`${type}-${i}`, type, place, shape.pricing, random),
      cheat: cheatOf(PROVIDER_CHEATS, cheats, place),
      comesAtMs: 0,
      leavesAtMs: leave ? (shape.leave?.afterHours ?? 0) * HOUR_MS : Infinity,
    }
  })
  if (shape.newcomersAfterHours === undefined) return own
  const comesAtMs = shape.newcomersAfterHours * HOUR_MS
  const newcomers = PROVIDER_CLASSES.map((type, i) => ({
    ...planProvider(`new-${type}`, type, i, shape.pricing, random),
    // It is told what the market asks, and is there to earn.
    guess: 1,
    isAlwaysOpen: true,
    cheat: undefined,
    comesAtMs,
    leavesAtMs: Infinity,
  }))
  return [...own, ...newcomers]
}

function planProvider(
  name: string,
  type: ProviderClass,
  place: number,
  pricing: Pricing,
  all: Random,
) {
  const random = all.fork(name)
  const facts = CLASSES[type]
  const mixed = PRICINGS[place % 3] as OwnPricing
  return {
    name,
    type,
    facts,
    country: random.pick(COUNTRIES),
    isAlwaysOpen: facts.schedule === undefined || random.chance(0.5),
    speed: facts.speed * lognormal(random, SPEEDS),
    prefill: facts.prefill * lognormal(random, SPEEDS),
    baseMs: facts.baseMs * lognormal(random, SPEEDS),
    guess: lognormal(random, GUESSES),
    pricing: pricing === 'mixed' ? mixed : pricing,
  }
}

/** Two in ten ask for their own country, seven for the EU, one for nothing. */
const RESIDENCIES = [['DE'], ['DE'], ['EU'], ['EU'], ['EU'], ['EU'], ['EU'], ['EU'], ['EU'], []]

/** EUR for each hour, medians: about what half of them need in the evening. */
const BUDGETS = { interactive: 0.25, batch: 0.15 } as const

export function planConsumers(shape: MarketShape, random: Random): ConsumerPlan[] {
  const kinds = (['interactive', 'batch'] as const).flatMap((kind) =>
    SORTS.flatMap((sort) =>
      Array.from({ length: shape.consumersEach }, (_, i) => ({ kind, sort, i })),
    ),
  )
  const cheats = chosen(kinds.length, shape.cheatingConsumers, random.fork('cheats'))
  return kinds.map(({ kind, sort, i }, place) => {
    const name = `${kind}-${sort}-${i}`
    const own = random.fork(name)
    return {
      name,
      kind,
      sort,
      allow: own.pick(RESIDENCIES),
      maxOutputPrice:
        kind === 'batch' && own.chance(0.5)
          ? BigInt(4_000_000 + own.between(0, 2_000_000))
          : undefined,
      budgetEur: BUDGETS[kind] * shape.hours * lognormal(own, 0.6),
      hasTokenizer: own.chance(0.5),
      cheat: cheatOf(CONSUMER_CHEATS, cheats, place),
    }
  })
}

/** As many of `count` as the share says, drawn by lot; each with its turn. */
function chosen(count: number, share: number, random: Random): ReadonlyMap<number, number> {
  const places = Array.from({ length: count }, (_, place) => ({ place, lot: random.float() }))
    .sort((a, b) => a.lot - b.lot)
    .slice(0, Math.round(count * share))
  return new Map(places.map(({ place }, turn) => [place, turn]))
}

function cheatOf<Cheat>(
  cheats: readonly Cheat[],
  who: ReadonlyMap<number, number>,
  place: number,
): Cheat | undefined {
  const turn = who.get(place)
  return turn === undefined ? undefined : cheats[turn % cheats.length]
}
