import { mean, median } from './statistics.ts'

export const WEEK = 7
/** A month's worth of each weekday: older ones say less about the next week than they add. */
const WEEKS = 4

/** Each day as a week before. */
export function seasonalNaive(values: readonly number[], horizon: number): number[] {
  return overLeads(horizon, (lead) => sameWeekdays(values, lead, 1)[0] ?? last(values))
}

/** Each day as the median of the last four of its weekday: one burst in four changes nothing. */
export function weekdayMedian(values: readonly number[], horizon: number): number[] {
  return overLeads(horizon, (lead) => {
    const found = sameWeekdays(values, lead, WEEKS)
    return found.length === 0 ? last(values) : median(found)
  })
}

/** Newest first. */
function sameWeekdays(values: readonly number[], lead: number, count: number): number[] {
  const found: number[] = []
  const newest = values.length + lead - WEEK * (Math.floor(lead / WEEK) + 1)
  for (let i = newest; i >= 0 && found.length < count; i -= WEEK) found.push(values[i] ?? 0)
  return found
}

/** How much of what sets the last week apart from the last four is still there a day later. */
const DAMPING = 0.9

/** A share for each weekday times a level that goes from the last week's back to the last four weeks'. */
export const weekdayProfile = (values: readonly number[], horizon: number): number[] =>
  profile(values, horizon, DAMPING)

/** The same with the level of the last week: for what has moved and does not come back. */
export const weekdayTrail = (values: readonly number[], horizon: number): number[] =>
  profile(values, horizon, 1)

/** The same with the level of the last four weeks: for what always comes back. */
export const weekdaySteady = (values: readonly number[], horizon: number): number[] =>
  profile(values, horizon, 0)

/** Robust in both parts: shares and levels are medians. */
function profile(values: readonly number[], horizon: number, damping: number): number[] {
  const shares = weekdayShares(values)
  const flat = values.map((value, i) => value / shareOf(shares, i))
  const usual = median(flat.slice(-WEEK * WEEKS))
  const recent = median(flat.slice(-WEEK))
  return overLeads(horizon, (lead) => {
    const level = usual + (recent - usual) * damping ** (lead + 1)
    return level * shareOf(shares, values.length + lead)
  })
}

/** Weeks out of which the weekdays' shares are taken. */
const SHARE_WEEKS = 8
/** As if so many weeks more had been seen in which all weekdays were alike. */
const PRIOR_WEEKS = 1
/** A weekday on which nothing was ever spent: not nought, for levels are divided by it. */
const SHARE_MIN = 0.01

/** What a weekday has of the mean of its week, by the index in the series modulo seven. */
export function weekdayShares(values: readonly number[]): number[] {
  const ratios: number[][] = Array.from({ length: WEEK }, () => [])
  for (let i = Math.max(0, values.length - WEEK * SHARE_WEEKS); i < values.length; i += 1) {
    // The week around the day, or the series' last or first one at its ends.
    const from = Math.max(0, Math.min(i - 3, values.length - WEEK))
    const around = mean(values.slice(from, from + WEEK))
    if (around > 0) ratios[i % WEEK]?.push((values[i] ?? 0) / around)
  }
  const shares = ratios.map((found) =>
    found.length === 0
      ? 1
      : (median(found) * found.length + PRIOR_WEEKS) / (found.length + PRIOR_WEEKS),
  )
  const whole = mean(shares)
  return shares.map((share) => Math.max(share / whole, SHARE_MIN))
}

const shareOf = (shares: readonly number[], day: number): number => shares[day % WEEK] ?? 1

/** Robust deviations from what the four weeks around a day are like, beyond which it is cut off. */
const BURST = 2.5
/** Days to each side that a day is compared with. */
const AROUND = 14
/** A spread that is less than this of the level is taken for this. */
const SPREAD_MIN = 0.02

/** The series with its bursts cut off, for models that take every value at its word. */
export function withoutBursts(values: readonly number[]): number[] {
  const shares = weekdayShares(values)
  const flat = values.map((value, i) => value / shareOf(shares, i))
  return flat.map((value, i) => {
    const around = flat.slice(Math.max(0, i - AROUND), i + AROUND + 1)
    const middle = median(around)
    const spread = 1.4826 * median(around.map((other) => Math.abs(other - middle)))
    const room = BURST * Math.max(spread, SPREAD_MIN * middle)
    return Math.min(Math.max(value, middle - room), middle + room) * shareOf(shares, i)
  })
}

const overLeads = (horizon: number, of: (lead: number) => number): number[] =>
  Array.from({ length: horizon }, (_, lead) => of(lead))

const last = (values: readonly number[]): number => values.at(-1) ?? 0
