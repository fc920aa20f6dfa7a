import { DAY_MS, type DailySeries, dailySeries } from './daily-series.ts'
import { forecastDays } from './forecast-days.ts'
import type { Errors } from './measures.ts'
import { readSamples } from './read-samples.ts'

/** What `hanse-settlement forecast --json` prints. Percentages are numbers: 8.4 is 8.4 %. */
export interface ForecastReport extends Errors {
  readonly model: string
  /** The model that counts most in the mixture, and each one's share of it. */
  readonly leader: string | null
  readonly weights: Readonly<Record<string, number>>
  readonly class: string
  readonly coverage80: number | null
  /** "As a week before", from the same origins. */
  readonly naive: Errors | null
  /** Forecasts of a week that were compared with what came, and the days between their origins. */
  readonly origins: number
  readonly step: number | null
  /** Days in the series, the first and the last of them, and what of the file was not taken as it was. */
  readonly days: number
  readonly from: string | null
  readonly to: string | null
  readonly emptyDays: number
  readonly partialDays: number
  readonly forecast: readonly {
    readonly day: string
    readonly value: number
    readonly lower: number
    readonly upper: number
  }[]
}

const NO_ERRORS: Errors = { mape: null, wape: null, weekError: null, mase: null }

/**
 * Sums a file by the day, tries the forecast on it, and forecasts the days after it.
 *
 * @param csv lines of `timestamp,value`
 * @throws {SettlementError} HANSE_SERIES_INVALID
 */
export function reportOn(csv: string, horizon: number): ForecastReport {
  const series = dailySeries(readSamples(csv))
  const {
    model,
    leader,
    weights,
    class: kind,
    days,
    backTest,
  } = forecastDays(series.values, { horizon })
  const { coverage80 = null, naive = null, origins = 0, step = null, ...errors } = backTest ?? {}
  const { firstDay, values, emptyDays, partialDays } = series
  return {
    model,
    ...NO_ERRORS,
    ...errors,
    coverage80,
    class: kind,
    naive,
    origins,
    step,
    leader,
    weights: Object.fromEntries(
      Object.entries(weights).map(([name, share]) => [name, rounded(share)]),
    ),
    days: values.length,
    from: values.length === 0 ? null : dateOf(firstDay),
    to: values.length === 0 ? null : dateOf(firstDay + values.length - 1),
    emptyDays,
    partialDays,
    forecast: days.map(({ value, lower, upper }, lead) => ({
      day: dateOf(nextDay(series) + lead),
      value: rounded(value),
      lower: rounded(lower),
      upper: rounded(upper),
    })),
  }
}

const nextDay = ({ firstDay, values }: DailySeries): number => firstDay + values.length

const dateOf = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10)

/** To five digits: what is behind them is noise. */
const rounded = (value: number): number => Number(value.toPrecision(5))
