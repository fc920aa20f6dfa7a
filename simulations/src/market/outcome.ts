import { gini, mean, quantile } from '../report/statistics.ts'
import { PROVIDER_CLASSES, type ProviderClass } from './classes.ts'
import type { ConsumerAgent } from './consumer-agent.ts'
import type { MarketShape, ProviderCheat } from './plan.ts'
import type { ProviderAgent } from './provider-agent.ts'
import type { PriceSample, Sample } from './samples.ts'

/** What the honest providers of a class came to. EUR and hours are of one provider on average. */
export interface ClassOutcome {
  readonly providers: number
  readonly jobs: number
  /** While open, by the hour. */
  readonly grossPerHour: number
  readonly netPerHour: number
  readonly powerPerHour: number
  readonly profitPerHour: number
  readonly idleShare: number
  /** Share of them still open at the end that had been there at the beginning. */
  readonly stays: number
}

/** What consumers of one kind with one policy came to. */
export interface GroupOutcome {
  readonly requests: number
  readonly answered: number
  readonly eurPerThousand: number
  readonly eurPerMtok: number
  readonly firstP50: number
  readonly firstP95: number
  readonly answerP50: number
  readonly answerP95: number
  /** First token within two seconds, of all requests. */
  readonly prompt: number
}

/** What was served and never countersigned. */
export interface WithheldOutcome {
  /** Sessions that ended so, and how many of them had their whole answer for nothing. */
  readonly sessions: number
  readonly freeAnswers: number
  /** EUR, of the whole market. */
  readonly eur: number
  /** EUR for a thousand of them, and as shares of what they asked for and of all that was served. */
  readonly perThousand: number
  readonly ofAsked: number
  readonly ofRevenue: number
}

export interface MarketOutcome {
  readonly seed: string
  readonly requests: number
  readonly answered: number
  readonly overBudget: number
  /** By hours of virtual time, of those who asked then. */
  readonly hours: readonly HourOutcome[]
  readonly prices: readonly PriceSample[]
  /** Until the median price stays within a tenth of what it is in the last hour, minutes. */
  readonly settlesAfterMinutes: number
  readonly spreadFirst: number
  readonly spreadLast: number
  readonly medianLast: number
  readonly classes: Readonly<Record<ProviderClass, ClassOutcome>>
  readonly gini: number
  readonly groups: Readonly<Record<string, GroupOutcome>>
  readonly volume: number
  readonly fees: number
  readonly belowPowerShare: number
  /** Of honest answers, the share of their time in which the engine was held back for a countersignature. */
  readonly stalledShare: number
  readonly newcomers: Readonly<
    Record<
      string,
      {
        readonly firstJobMinutes: number | null
        readonly earlyJobs: number
        readonly usualJobs: number
      }
    >
  >
  /** Net of the fee, by the open hour, of each that was there from the beginning; EUR. */
  readonly nets: Readonly<Record<string, number>>
  readonly cheats: Readonly<Record<string, ProviderCheat>>
  readonly withheld: WithheldOutcome
}

export interface HourOutcome {
  readonly requests: number
  readonly answered: number
  readonly firstP50: number
  readonly firstP95: number
  /** Paid, EUR a million tokens of answers (prompts paid along). */
  readonly eurPerMtok: number
}

const HOUR_MS = 3_600_000

export interface MarketRecord {
  readonly shape: MarketShape
  readonly providers: readonly ProviderAgent[]
  readonly consumers: readonly ConsumerAgent[]
  readonly samples: readonly Sample[]
  readonly prices: readonly PriceSample[]
}

export function outcomeOf(record: MarketRecord): MarketOutcome {
  const { shape, providers, samples, prices } = record
  const honest = providers.filter(({ plan }) => plan.cheat === undefined)
  const founders = providers.filter(({ plan }) => plan.comesAtMs === 0)
  const veterans = honest.filter(({ plan }) => plan.comesAtMs === 0)
  const asked = samples.filter(({ overBudget }) => !overBudget)
  const lastHour = prices.filter(({ at }) => at >= (shape.hours - 1) * HOUR_MS)
  const spread = (some: readonly PriceSample[]) =>
    mean(some.map(({ p10, p90 }) => p90 / Math.max(p10, 1e-9)))
  const sum = (of: (provider: ProviderAgent) => number) =>
    providers.reduce((all, one) => all + of(one), 0)
  const tokens = sum(({ account }) => account.outputTokens)
  return {
    seed: shape.seed,
    requests: samples.length,
    answered: share(samples, ({ answered }) => answered),
    overBudget: share(samples, ({ overBudget }) => overBudget),
    hours: Array.from({ length: shape.hours }, (_, hour) =>
      hourOf(asked.filter(({ at }) => Math.floor(at / HOUR_MS) === hour)),
    ),
    prices,
    settlesAfterMinutes: settlesAfter(prices, mean(lastHour.map(({ median }) => median))),
    spreadFirst: spread(prices.filter(({ at }) => at < HOUR_MS)),
    spreadLast: spread(lastHour),
    medianLast: mean(lastHour.map(({ median }) => median)),
    classes: classesOf(veterans),
    gini: gini(veterans.map(({ account }) => account.net / Math.max(1, account.openMs))),
    groups: groupsOf(samples),
    volume: sum(({ account }) => account.gross),
    fees: sum(({ account }) => account.fee),
    belowPowerShare: tokens === 0 ? 0 : sum(({ account }) => account.belowPowerTokens) / tokens,
    stalledShare: ratio(
      asked,
      (one) => one.stalledMs,
      (one) => one.answerMs,
    ),
    newcomers: newcomersOf(honest, shape),
    nets: Object.fromEntries(
      founders.map(({ plan, account }) => [
        plan.name,
        (account.net * HOUR_MS) / Math.max(1, account.openMs),
      ]),
    ),
    cheats: Object.fromEntries(
      founders.flatMap(({ plan }) =>
        plan.cheat === undefined ? [] : [[plan.name, plan.cheat] as const],
      ),
    ),
    withheld: withheldOf(record),
  }
}

function classesOf(providers: readonly ProviderAgent[]): MarketOutcome['classes'] {
  const of = (type: ProviderClass): ClassOutcome => {
    const own = providers.filter(({ plan }) => plan.type === type)
    const openMs = own.reduce((sum, { account }) => sum + account.openMs, 0)
    const perHour = (figure: (account: ProviderAgent['account']) => number) =>
      openMs === 0
        ? 0
        : (own.reduce((sum, { account }) => sum + figure(account), 0) * HOUR_MS) / openMs
    const slots = own[0]?.plan.facts.slots ?? 1
    return {
      providers: own.length,
      jobs: mean(own.map(({ account }) => account.jobs)),
      grossPerHour: perHour(({ gross }) => gross),
      netPerHour: perHour(({ net }) => net),
      powerPerHour: perHour(({ power }) => power),
      profitPerHour: perHour(({ profit }) => profit),
      idleShare: 1 - perHour(({ busySlotMs }) => busySlotMs) / (slots * HOUR_MS),
      stays: share(own, ({ account }) => account.leftAt === undefined),
    }
  }
  const [home, rack, cloud] = PROVIDER_CLASSES.map(of)
  if (home === undefined || rack === undefined || cloud === undefined) throw new Error('no class')
  return { home, rack, cloud }
}

function groupsOf(samples: readonly Sample[]): MarketOutcome['groups'] {
  const groups = Map.groupBy(
    samples.filter(({ overBudget }) => !overBudget),
    ({ group }) => group,
  )
  const sorted = [...groups].sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(sorted.map(([group, own]) => [group, groupOf(own)]))
}

function groupOf(own: readonly Sample[]): GroupOutcome {
  const answered = own.filter((one) => one.answered)
  const eur = own.reduce((sum, one) => sum + one.eur, 0)
  const tokens = answered.reduce((sum, one) => sum + one.outputTokens, 0)
  const first = answered.map(({ firstMs }) => firstMs)
  const whole = answered.map(({ answerMs }) => answerMs)
  return {
    requests: own.length,
    answered: share(own, (one) => one.answered),
    eurPerThousand: answered.length === 0 ? 0 : (eur / answered.length) * 1_000,
    eurPerMtok: tokens === 0 ? 0 : (eur / tokens) * 1e6,
    firstP50: quantile(first, 0.5),
    firstP95: quantile(first, 0.95),
    answerP50: quantile(whole, 0.5),
    answerP95: quantile(whole, 0.95),
    prompt: share(own, (one) => one.answered && one.firstMs <= PROMPT_MS),
  }
}

/** Longer, and people look elsewhere. */
const PROMPT_MS = 2_000

function hourOf(own: readonly Sample[]): HourOutcome {
  const { requests, answered, firstP50, firstP95, eurPerMtok } = groupOf(own)
  return { requests, answered, firstP50, firstP95, eurPerMtok }
}

function settlesAfter(prices: readonly PriceSample[], final: number): number {
  const off = prices.findLastIndex(({ median }) => Math.abs(median - final) > final / 10)
  const next = prices[off + 1]
  return next === undefined ? (prices.at(-1)?.at ?? 0) / 60_000 : next.at / 60_000
}

function newcomersOf(
  honest: readonly ProviderAgent[],
  { newcomersAfterHours }: MarketShape,
): MarketOutcome['newcomers'] {
  if (newcomersAfterHours === undefined) return {}
  return Object.fromEntries(
    honest
      .filter(({ plan }) => plan.comesAtMs > 0)
      .map(({ plan, account }) => {
        const peers = honest.filter(
          (one) => one.plan.type === plan.type && one.plan.comesAtMs === 0,
        )
        const { firstJobAt } = account
        return [
          plan.type,
          {
            firstJobMinutes:
              firstJobAt === undefined ? null : (firstJobAt - plan.comesAtMs) / 60_000,
            earlyJobs: account.earlyJobs,
            usualJobs: ratio(
              peers,
              (one) => one.account.jobs,
              (one) => one.account.openMs / HOUR_MS,
            ),
          },
        ]
      }),
  )
}

function withheldOf({ providers }: MarketRecord): WithheldOutcome {
  const sum = (of: (account: ProviderAgent['account']) => number) =>
    providers.reduce((all, { account }) => all + of(account), 0)
  const sessions = sum(({ defaults }) => defaults)
  const eur = sum(({ withheld }) => withheld)
  return {
    sessions,
    freeAnswers: sum((account) => account.freeAnswers),
    eur,
    perThousand: sessions === 0 ? 0 : (1_000 * eur) / sessions,
    ofAsked: ratioOf(
      eur,
      sum(({ asked }) => asked),
    ),
    ofRevenue: ratioOf(eur, eur + sum(({ gross }) => gross)),
  }
}

const ratioOf = (a: number, b: number): number => (b === 0 ? 0 : a / b)

function share<Item>(items: readonly Item[], is: (item: Item) => boolean): number {
  return items.length === 0 ? 0 : items.filter(is).length / items.length
}

function ratio<Item>(
  items: readonly Item[],
  a: (item: Item) => number,
  b: (item: Item) => number,
): number {
  const below = items.reduce((sum, item) => sum + b(item), 0)
  return below === 0 ? 0 : items.reduce((sum, item) => sum + a(item), 0) / below
}
