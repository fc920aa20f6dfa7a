import { createHash } from 'node:crypto'
import type { SettlementContext } from '../context.ts'
import type { BackTest } from './back-test.ts'
import type { SpendClass } from './classify.ts'
import { DAY_MS } from './daily-series.ts'
import {
  type DaysForecast,
  type ForecastDay,
  forecastDays,
  forecastDaysGently,
} from './forecast-days.ts'
import { rest, total } from './project.ts'
import type { Spend } from './spend-store.ts'

/** Pico-euro, as decimal digits; four of five lie between `lower` and `upper`. */
export interface ForecastAmount {
  readonly amount: string
  readonly lower: string
  readonly upper: string
}

export interface ForecastDayAmount extends ForecastAmount {
  /** Such as `2026-11-24`, in UTC. */
  readonly day: string
}

/** What an organization is expected to spend. */
export interface SpendForecast {
  /** The first day that is forecast: the one that runs. */
  readonly from: string
  /** Whole days that it was made of. */
  readonly historyDays: number
  readonly class: SpendClass
  readonly model: string
  readonly leader: string | null
  readonly days: readonly ForecastDayAmount[]
  readonly backTest: BackTest | null
  /** What those models are expected to cost that cost most in the last weeks. */
  readonly models: readonly {
    readonly model: string
    readonly days: readonly ForecastDayAmount[]
  }[]
  /** This month with what was spent in it before today, and the whole of today as it is expected. */
  readonly month: ForecastAmount & { readonly month: string; readonly before: string }
}

/** Two months: the rest of any month, and another one. */
const HORIZON = 62
/** More than a year, so that the model sees what it takes; the newest half year of it is tried. */
const HISTORY_DAYS = 400
/** A second of one processor, in pieces of some milliseconds; older trials weigh next to nothing. */
const ORIGINS_MAX = 120
/** What more models cost together is less than the noise of the others. */
const MODELS_MAX = 5
/** Models that cost most in these days. */
const MODEL_DAYS = 28
const PICO_PER_EURO = 1e12

/**
 * The forecast of an organization, kept for as long as the days behind it are the same. They end yesterday: today is forecast.
 *
 * @throws what `signal` was aborted with
 */
export async function spendForecast(
  { store, now }: SettlementContext,
  organization: string,
  signal?: AbortSignal,
): Promise<SpendForecast> {
  const today = Math.floor(now() / DAY_MS) * DAY_MS
  const span = {
    organization,
    unit: 'day' as const,
    from: today - HISTORY_DAYS * DAY_MS,
    to: today,
  }
  const spent = await store.spend({ ...span, dimension: 'total' })
  const revision = revisionOf(spent, today)
  const kept = await store.keptForecast(organization)
  if (kept?.revision === revision) return kept.forecast
  const values = valuesOf(spent, today)
  const options = { horizon: HORIZON, originsMax: ORIGINS_MAX, ...(signal && { signal }) }
  const found = await forecastDaysGently(values, options)
  const byModel = await store.spend({
    ...span,
    dimension: 'model',
    from: today - 4 * MODEL_DAYS * DAY_MS,
  })
  const forecast = {
    ...described(found, values, today),
    models: modelsOf(byModel, today),
    month: monthOf(found.days, spent, today),
  }
  await store.keepForecast(organization, { revision, forecast }, now())
  return forecast
}

/**
 * The days after `values` in their unit, at once: without the models that are fitted, for callers that ask often.
 *
 * @param values a number for each day, the newest last
 */
export const forecastSpend = (values: readonly number[], days: number): readonly number[] =>
  forecastDays(values, { horizon: days, quick: true, originsMax: ORIGINS_MAX }).days.map(
    ({ value }) => value,
  )

function described({ days, ...rest }: DaysForecast, values: readonly number[], today: number) {
  return {
    from: dateOf(today),
    historyDays: values.length,
    class: rest.class,
    model: rest.model,
    leader: rest.leader,
    days: amountsOf(days, today),
    backTest: rest.backTest,
  }
}

/** In euro, a value for each day from the first one with anything on it. */
export function valuesOf(spent: readonly Spend[], today: number): number[] {
  const byDay = new Map(spent.map(({ at, amount }) => [at, Number(amount) / PICO_PER_EURO]))
  const first = Math.min(...byDay.keys(), today)
  return Array.from(
    { length: (today - first) / DAY_MS },
    (_, i) => byDay.get(first + i * DAY_MS) ?? 0,
  )
}

function modelsOf(spent: readonly Spend[], today: number): SpendForecast['models'] {
  const recent = new Map<string, bigint>()
  for (const { key, at, amount } of spent) {
    if (at >= today - MODEL_DAYS * DAY_MS) recent.set(key, (recent.get(key) ?? 0n) + amount)
  }
  return [...recent]
    .toSorted(([a, x], [b, y]) => (x === y ? (a < b ? -1 : 1) : x < y ? 1 : -1))
    .slice(0, MODELS_MAX)
    .map(([model]) => {
      const own = spent.filter(({ key }) => key === model)
      const { days } = forecastDays(valuesOf(own, today), { horizon: HORIZON, quick: true })
      return { model, days: amountsOf(days, today) }
    })
}

function monthOf(
  days: readonly ForecastDay[],
  spent: readonly Spend[],
  today: number,
): SpendForecast['month'] {
  const date = new Date(today)
  const begin = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
  const end = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
  const before = spent.filter(({ at }) => at >= begin).reduce((sum, { amount }) => sum + amount, 0n)
  const coming = total(days.slice(0, (end - today) / DAY_MS))
  const whole = (value: number) => (before + pico(value)).toString()
  return {
    month: dateOf(today).slice(0, 7),
    before: before.toString(),
    amount: whole(coming.value),
    lower: whole(coming.lower),
    upper: whole(coming.upper),
  }
}

/** Today's whole day and the days after it, with what is known of today by now: nothing is left that has been passed. */
export function withToday(forecast: SpendForecast, soFar: bigint): SpendForecast {
  const [first, ...later] = forecast.days
  if (first === undefined) return forecast
  const past = Number(soFar) / PICO_PER_EURO
  const { value, lower, upper } = rest(dayOf(first), past)
  const today = amountOf({ value: value + past, lower: lower + past, upper: upper + past })
  const more = BigInt(today.amount) - BigInt(first.amount)
  const raised = (digits: string) => (BigInt(digits) + more).toString()
  const { month } = forecast
  return {
    ...forecast,
    days: [{ day: first.day, ...today }, ...later],
    month: {
      ...month,
      amount: raised(month.amount),
      lower: raised(month.lower),
      upper: raised(month.upper),
    },
  }
}

const dayOf = ({ amount, lower, upper }: ForecastAmount): ForecastDay => ({
  value: Number(amount) / PICO_PER_EURO,
  lower: Number(lower) / PICO_PER_EURO,
  upper: Number(upper) / PICO_PER_EURO,
})

const amountsOf = (days: readonly ForecastDay[], today: number): ForecastDayAmount[] =>
  days.map((day, lead) => ({ day: dateOf(today + lead * DAY_MS), ...amountOf(day) }))

const amountOf = ({ value, lower, upper }: ForecastDay): ForecastAmount => ({
  amount: pico(value).toString(),
  lower: pico(lower).toString(),
  upper: pico(upper).toString(),
})

export const pico = (euro: number): bigint => BigInt(Math.round(euro * PICO_PER_EURO))

export const dateOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

/** Changes with the day, with what was spent, and with how it is forecast. */
const METHOD = 1

function revisionOf(spent: readonly Spend[], today: number): string {
  const facts = JSON.stringify([METHOD, today, spent.map(({ at, amount }) => [at, String(amount)])])
  return createHash('sha256').update(facts).digest('base64url')
}
