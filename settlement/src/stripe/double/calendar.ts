/**
 * Seconds since the epoch, `count` months after `anchorS`: on the same day of the month, or on its
 * last day where there is none, as Stripe counts billing periods.
 */
export function monthsAfter(anchorS: number, count: number): number {
  const anchor = new Date(anchorS * 1_000)
  const months = anchor.getUTCMonth() + count
  const lastDay = new Date(Date.UTC(anchor.getUTCFullYear(), months + 1, 0)).getUTCDate()
  const moved = new Date(anchor)
  moved.setUTCDate(1)
  moved.setUTCMonth(months)
  moved.setUTCDate(Math.min(anchor.getUTCDate(), lastDay))
  return Math.floor(moved.getTime() / 1_000)
}

/** The first end of a period, counted in months from the anchor, that is after `afterS`. */
export function periodEndAfter(anchorS: number, monthsEach: number, afterS: number): number {
  for (let periods = 1; ; periods += 1) {
    const endS = monthsAfter(anchorS, periods * monthsEach)
    if (endS > afterS) return endS
  }
}

const dayMs = 86_400_000

/** The next midnight in UTC. */
export function nextDayMs(nowMs: number): number {
  return (Math.floor(nowMs / dayMs) + 1) * dayMs
}

/** So many business days later, at the same time of day; Saturdays and Sundays do not count. */
export function businessDaysAfterMs(nowMs: number, days: number): number {
  let atMs = nowMs
  for (let left = days; left > 0; ) {
    atMs += dayMs
    const day = new Date(atMs).getUTCDay()
    if (day !== 0 && day !== 6) left -= 1
  }
  return atMs
}
