import { type PicoEuro, picoEuro } from '@hanse/protocol'
import type { SettlementContext } from '../context.ts'
import type { BudgetRow, BudgetState } from './budget.ts'

/**
 * Forecasts daily spend: the days after `values`, the next one first; both in euro, oldest first.
 *
 * @param days how many are asked for
 */
export type ForecastSpend = (values: readonly number[], days: number) => readonly number[]

/** What the window is expected to come to. */
export interface Outlook {
  readonly total: PicoEuro
  /** The first day, such as `2026-11-24` in UTC, on which the amount is passed; null when it is not in this window. */
  readonly exceedsOn: string | null
}

const DAY_MS = 86_400_000
/** Eight of each weekday: what is older says little of the next month. */
const HISTORY_DAYS = 56
/** Below, a forecast would be one burst repeated. */
const HISTORY_DAYS_MIN = 7
const PICO_PER_EURO = 1e12

/**
 * What a budget of the whole organization will have come to, when days go on as they went. `undefined` for other budgets, whose
 * days settlement does not know, and before there is a week to go by.
 */
export async function outlookOf(
  { store, now, forecastSpend = weekdayMedian }: SettlementContext,
  { organization, rule }: BudgetRow,
  { span, amount, spent }: BudgetState,
): Promise<Outlook | undefined> {
  if (Object.keys(rule.scope).length > 0) return undefined
  const today = Math.floor(now() / DAY_MS) * DAY_MS
  const days = await dailySpend(store, organization, today)
  const values = days.slice(0, -1)
  if (values.length < HISTORY_DAYS_MIN) return undefined
  const ahead = Math.max(1, Math.ceil((span.to - today) / DAY_MS))
  const [first = 0, ...rest] = forecastSpend(values, ahead)
  // Of today, what it has not come to yet.
  const coming = [Math.max(0, first - (days.at(-1) ?? 0)), ...rest]
  let total: bigint = spent
  let exceedsOn: string | null = null
  for (const [day, value] of coming.entries()) {
    total += BigInt(Math.round(Math.max(0, value) * PICO_PER_EURO))
    if (total > amount) exceedsOn ??= new Date(today + day * DAY_MS).toISOString().slice(0, 10)
  }
  return { total: picoEuro(total), exceedsOn }
}

/** In euro, since the first day on which anything was spent; the last value is of today so far. */
async function dailySpend(
  store: SettlementContext['store'],
  organization: string,
  today: number,
): Promise<number[]> {
  const from = today - HISTORY_DAYS * DAY_MS
  const query = { organization, from, to: today + DAY_MS, group: 'day' as const }
  const used = await store.usage({ ...query, limit: HISTORY_DAYS + 1 })
  const byDay = new Map(used.map(({ key, amount }) => [Date.parse(key), Number(amount)]))
  const first = Math.min(...byDay.keys(), today)
  const count = (today - first) / DAY_MS + 1
  return Array.from(
    { length: count },
    (_, i) => (byDay.get(first + i * DAY_MS) ?? 0) / PICO_PER_EURO,
  )
}

/** Each day as the median of the last four of its weekday. */
export const weekdayMedian: ForecastSpend = (values, days) =>
  Array.from({ length: days }, (_, ahead) => {
    const same: number[] = []
    for (let i = values.length + ahead - 7; i >= 0 && same.length < 4; i -= 7)
      if (i < values.length) same.push(values[i] ?? 0)
    return median(same)
  })

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]]
  return (low + high) / 2
}
