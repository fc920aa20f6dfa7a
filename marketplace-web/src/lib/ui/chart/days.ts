/** A row of a chart over days; `at` is the day's midnight in UTC. */
export type OfDay = { readonly day: string; readonly at: Date }

/** Names of days that fit below a chart without touching each other. */
const namedMax = 7

/** Those of many that get their name below a chart: evenly spread, and none at the very edge, where it would be cut. */
export function named<T>(days: readonly T[]): T[] {
  const every = Math.max(1, Math.ceil(days.length / namedMax))
  return days.filter((_, at) => at % every === Math.floor(every / 2))
}

/** Midnight of a day in UTC. */
export const startOf = (day: string): Date => new Date(`${day}T00:00:00Z`)

export const dayOf = (at: Date): string => at.toISOString().slice(0, 10)
