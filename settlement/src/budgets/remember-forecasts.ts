import type { ForecastSpend } from './outlook.ts'

/** Of two months each, with the days behind them: a kilobyte or two. */
const FORECASTS_MAX = 2_000

/**
 * A forecast as the one given, which has the same answer for the same days: they end yesterday, so it changes once a day, and is
 * asked for with every look at a budget.
 */
export function rememberForecasts(
  forecast: ForecastSpend,
  forecastsMax = FORECASTS_MAX,
): ForecastSpend {
  const known = new Map<string, readonly number[]>()
  return (values, days) => {
    const key = `${days}/${values.join()}`
    const before = known.get(key)
    if (before !== undefined) return before
    const found = forecast(values, days)
    if (known.size >= forecastsMax) {
      const [oldest] = known.keys()
      if (oldest !== undefined) known.delete(oldest)
    }
    known.set(key, found)
    return found
  }
}
