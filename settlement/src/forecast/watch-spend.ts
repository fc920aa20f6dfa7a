import type { SettlementContext } from '../context.ts'
import type { Severity } from '../notifications/event.ts'
import type { NewAnomaly } from './anomaly-store.ts'
import { DAY_MS } from './daily-series.ts'
import { type Contribution, explain } from './explain-anomaly.ts'
import { findUnusual, type Unusual } from './find-anomaly.ts'
import { dateOf, pico, valuesOf } from './spend-forecast.ts'
import { SPEND_DIMENSIONS, type Spend, type SpendDimension } from './spend-store.ts'
import { median } from './statistics.ts'
import { WEEK, weekdayMedian } from './weekday-models.ts'

/** Ten weeks: eight to compare with, two to learn from. */
const HISTORY_DAYS = 10 * WEEK
/** Ten cents: nobody gets up for less. */
const LEAST_CHANGE_EUR = 0.1
const HOUR_MS = DAY_MS / 24
/** Spend in so many of the hours of the last two weeks is dense enough to judge a day before it is over. */
const DENSE_MIN = 0.9
const DENSE_DAYS = 2 * WEEK
/** Fewer hours are not the day yet. */
const HOURS_MIN = 3
/** Twice of what was expected, by so many deviations: somebody should look now. */
const URGENT = { ratio: 2, score: 8 }
const PICO_PER_EURO = 1e12

/**
 * Looks at an organization's yesterday, and at today so far where it spends at nearly every hour.
 *
 * @returns how many anomalies were new
 */
export async function watchSpend(
  { store, now }: SettlementContext,
  organization: string,
): Promise<number> {
  const at = now()
  const today = Math.floor(at / DAY_MS) * DAY_MS
  const days = await store.spend({
    organization,
    unit: 'day',
    dimension: 'total',
    from: today - HISTORY_DAYS * DAY_MS,
    to: today,
  })
  const yesterday = findUnusual(valuesOf(days, today), LEAST_CHANGE_EUR)
  const found = [
    ...(yesterday === undefined ? [] : [{ unusual: yesterday, day: today - DAY_MS, hours: 24 }]),
    ...(await todaySoFar(store, organization, at)),
  ]
  let fresh = 0
  for (const { unusual, day, hours } of found) {
    const anomaly = await explained(store, organization, unusual, day, hours)
    if (await store.noteAnomaly(anomaly, at)) fresh += 1
  }
  return fresh
}

interface Found {
  readonly unusual: Unusual
  readonly day: number
  readonly hours: number
}

type Store = SettlementContext['store']

/**
 * The first hours of today against the same hours of the days before: a series of days of its own. Only what is too much:
 * what is missing may still come.
 */
async function todaySoFar(store: Store, organization: string, at: number): Promise<Found[]> {
  const day = Math.floor(at / DAY_MS) * DAY_MS
  const hours = Math.floor((at - day) / HOUR_MS)
  if (hours < HOURS_MIN) return []
  const spent = await store.spend({
    organization,
    unit: 'hour',
    dimension: 'total',
    from: day - HISTORY_DAYS * DAY_MS,
    to: day + hours * HOUR_MS,
  })
  const recent = spent.filter((one) => one.at >= day - DENSE_DAYS * DAY_MS && one.at < day)
  if (recent.length < DENSE_MIN * DENSE_DAYS * 24) return []
  const unusual = findUnusual(sumsOfHours(spent, day, hours), LEAST_CHANGE_EUR)
  return unusual?.direction === 'up' ? [{ unusual, day, hours }] : []
}

/** In euro, of the first `hours` of each day, today's last. */
function sumsOfHours(spent: readonly Spend[], today: number, hours: number): number[] {
  const sums = new Map<number, bigint>()
  for (const { at, amount } of spent) {
    if (at % DAY_MS >= hours * HOUR_MS) continue
    const day = at - (at % DAY_MS)
    sums.set(day, (sums.get(day) ?? 0n) + amount)
  }
  const days = [...sums].map(([at, amount]) => ({ key: '', at, amount }))
  return valuesOf(days, today + DAY_MS)
}

async function explained(
  store: Store,
  organization: string,
  unusual: Unusual,
  day: number,
  hours: number,
): Promise<NewAnomaly> {
  const contributions: Contribution[] = []
  for (const dimension of SPEND_DIMENSIONS) {
    contributions.push(...(await contributionsOf(store, organization, dimension, day, hours)))
  }
  const explanation = explain(
    unusual,
    contributions,
    await hoursOf(store, organization, day, hours),
  )
  return {
    organization,
    day: dateOf(day),
    direction: unusual.direction,
    severity: severityOf(unusual),
    hours,
    expected: pico(unusual.expected),
    lower: pico(unusual.lower),
    upper: pico(unusual.upper),
    actual: pico(unusual.actual),
    score: Math.round(Math.min(unusual.score, SCORE_MAX) * 10) / 10,
    explanation,
  }
}

/** Beyond, a number says no more. */
const SCORE_MAX = 1_000

function severityOf({ direction, expected, actual, score }: Unusual): Severity {
  if (direction === 'down') return 'info'
  return actual >= URGENT.ratio * expected && score >= URGENT.score ? 'urgent' : 'warning'
}

/** Each model, provider, country or key against the median of its last four days of this weekday. */
async function contributionsOf(
  store: Store,
  organization: string,
  dimension: SpendDimension,
  day: number,
  hours: number,
): Promise<Contribution[]> {
  const whole = hours === 24
  const spent = await store.spend({
    organization,
    unit: whole ? 'day' : 'hour',
    dimension,
    from: day - 4 * WEEK * DAY_MS,
    to: day + hours * HOUR_MS,
  })
  // Where keys are summed since a moment ago, each of them would be new spend.
  const isNew = !spent.some(({ at }) => at < day - WEEK * DAY_MS)
  if (dimension === 'key' && isNew) return []
  return [...new Set(spent.map(({ key }) => key))].map((key) => {
    const own = spent.filter((one) => one.key === key)
    const values = fromStart(own, day, whole ? 24 : hours)
    return {
      dimension,
      key,
      expected: weekdayMedian(values.slice(0, -1), 1)[0] ?? 0,
      actual: values.at(-1) ?? 0,
    }
  })
}

/** Four weeks of days with the day itself, also for what was not there at their beginning. */
function fromStart(spent: readonly Spend[], day: number, hours: number): number[] {
  const values = sumsOfHours(spent, day, hours)
  return [...Array.from({ length: Math.max(0, 4 * WEEK + 1 - values.length) }, () => 0), ...values]
}

/** Each hour of the day, and what is usual for it: the median of two weeks. */
async function hoursOf(store: Store, organization: string, day: number, hours: number) {
  const spent = await store.spend({
    organization,
    unit: 'hour',
    dimension: 'total',
    from: day - DENSE_DAYS * DAY_MS,
    to: day + hours * HOUR_MS,
  })
  const byHour = new Map(spent.map(({ at, amount }) => [at, Number(amount) / PICO_PER_EURO]))
  const hour = (days: number, i: number) => byHour.get(day - days * DAY_MS + i * HOUR_MS) ?? 0
  const each = Array.from({ length: hours }, (_, i) => i)
  return {
    actual: each.map((i) => hour(0, i)),
    usual: each.map((i) =>
      median(Array.from({ length: DENSE_DAYS }, (_, before) => hour(before + 1, i))),
    ),
  }
}
