import type { Direction } from './find-anomaly.ts'
import type { SpendDimension } from './spend-store.ts'
import { sum } from './statistics.ts'

/** What a model, provider, country or key has to do with it; amounts in euro. */
export interface Contribution {
  readonly dimension: SpendDimension
  readonly key: string
  readonly expected: number
  readonly actual: number
}

export interface Explanation {
  /** One line for people, such as `+42 % (134.20 instead of 94.50 EUR): model X +38.00; since 14:00 UTC`. */
  readonly summary: string
  /** Percent of what was expected; null where nothing was. */
  readonly percent: number | null
  /** In the direction of the change, those that did most of it first; euro with six digits. */
  readonly contributions: readonly (Omit<Contribution, 'expected' | 'actual'> & {
    readonly expected: string
    readonly actual: string
    readonly change: string
  })[]
  /** The hour in UTC in which it began; null where it has no beginning within the day. */
  readonly startedHour: number | null
}

/** What explains less than this part of the change is left out. */
const SHARE_MIN = 0.1
/** More would be a table, and that is `GET /v1/usage`. */
const PER_DIMENSION = 3

export interface Change {
  readonly direction: Direction
  readonly expected: number
  readonly actual: number
}

/**
 * Who and when: which models and providers made the change, and from which hour on.
 *
 * @param hours what was spent in each hour of the day, and what is usual for it, in euro
 */
export function explain(
  change: Change,
  contributions: readonly Contribution[],
  hours: { readonly actual: readonly number[]; readonly usual: readonly number[] },
): Explanation {
  const { expected, actual } = change
  const difference = actual - expected
  const sign = Math.sign(difference)
  const named = contributions
    .map((one) => ({ ...one, change: one.actual - one.expected }))
    .filter((one) => one.change * sign > SHARE_MIN * Math.abs(difference))
    .toSorted((a, b) => Math.abs(b.change) - Math.abs(a.change))
  const kept = named.filter(
    (one, i) =>
      named.slice(0, i).filter(({ dimension }) => dimension === one.dimension).length <
      PER_DIMENSION,
  )
  const percent = expected > 0 ? Math.round((100 * difference) / expected) : null
  const startedHour = beginOf(hours, sign)
  return {
    summary: summaryOf(change, percent, kept, startedHour),
    percent,
    startedHour,
    contributions: kept.map((one) => ({
      dimension: one.dimension,
      key: one.key,
      expected: euro(one.expected, 6),
      actual: euro(one.actual, 6),
      change: euro(one.change, 6),
    })),
  }
}

function summaryOf(
  { expected, actual }: Change,
  percent: number | null,
  named: readonly (Contribution & { change: number })[],
  startedHour: number | null,
): string {
  const how = percent === null ? 'new spend' : `${percent > 0 ? '+' : ''}${percent} %`
  const whole = signed(actual - expected)
  const who = named
    .filter(({ dimension }) => dimension !== 'country')
    .slice(0, 2)
    .map(({ dimension, key, change }) => `${dimension} ${key} (${signed(change)} of ${whole})`)
  const since = startedHour === null ? [] : [`since ${String(startedHour).padStart(2, '0')}:00 UTC`]
  const amounts = `${how} (${euro(actual, 2)} instead of ${euro(expected, 2)} EUR)`
  return [[amounts, who.join(', ')].filter((part) => part !== '').join(': '), ...since].join('; ')
}

/** An hour is part of it when it is off by this part of what is usual at the busiest hour. */
const HOUR_MIN = 0.1

/** The beginning of the stretch of hours that adds up to most of the change. */
function beginOf(
  { actual, usual }: { readonly actual: readonly number[]; readonly usual: readonly number[] },
  sign: number,
): number | null {
  const floor = HOUR_MIN * Math.max(0, ...usual)
  let best = { amount: 0, from: -1 }
  let current = { amount: 0, from: 0 }
  for (const [hour, value] of actual.entries()) {
    const change = sign * (value - (usual[hour] ?? 0)) - floor
    if (current.amount <= 0) current = { amount: 0, from: hour }
    current = { ...current, amount: current.amount + change }
    if (current.amount > best.amount) best = current
  }
  return best.from < 0 || sum([...actual, ...usual]) === 0 ? null : best.from
}

const signed = (value: number): string => `${value < 0 ? '' : '+'}${euro(value, 2)}`

const euro = (value: number, digits: number): string => value.toFixed(digits)
