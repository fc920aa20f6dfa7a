export const EVERY = ['day', 'week', 'month'] as const
export type Every = (typeof EVERY)[number]

/** Milliseconds since 1970; `to` is not included. */
export interface Period {
  readonly from: number
  readonly to: number
}

const DAY_MS = 86_400_000
/**
 * How long after the end of a period its file is made. A session counts when it was accepted, and its last receipt comes when it
 * has ended: all but the longest have by then.
 */
export const SETTLE_MS = 6 * 3_600_000

/** The day, the week from Monday, or the month that an instant lies in, in UTC. */
export function periodOf(every: Every, at: number): Period {
  const date = new Date(at)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  if (every === 'month') return { from: Date.UTC(year, month), to: Date.UTC(year, month + 1) }
  const day = Math.floor(at / DAY_MS) * DAY_MS
  if (every === 'day') return { from: day, to: day + DAY_MS }
  const monday = day - ((date.getUTCDay() + 6) % 7) * DAY_MS
  return { from: monday, to: monday + 7 * DAY_MS }
}

/**
 * The periods after `plannedTo` whose time has come, the oldest first.
 *
 * @param limit at most so many; the others come the next time
 */
export function periodsDue(every: Every, plannedTo: number, now: number, limit: number): Period[] {
  const due: Period[] = []
  let next = periodOf(every, plannedTo)
  while (next.to + SETTLE_MS <= now && due.length < limit) {
    due.push(next)
    next = periodOf(every, next.to)
  }
  return due
}
