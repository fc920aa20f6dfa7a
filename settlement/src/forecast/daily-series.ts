import { median } from './statistics.ts'

/** A value for each day in UTC, without gaps. */
export interface DailySeries {
  /** Of the first value: days since 1970. */
  readonly firstDay: number
  readonly values: readonly number[]
  /** Days that no sample was of, and that count as nothing spent. */
  readonly emptyDays: number
  /** Days at the ends that were seen only in part, and left out. */
  readonly partialDays: number
}

export interface Sample {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly value: number
}

export const DAY_MS = 86_400_000

/**
 * Sums samples by their day in UTC. The first and the last day are left out where they were seen only in part: where the
 * samples begin or end more than their usual distance from midnight. A day within that has no sample is one on which
 * nothing was spent.
 */
export function dailySeries(samples: readonly Sample[]): DailySeries {
  const ordered = samples.toSorted((a, b) => a.at - b.at)
  const first = ordered[0]
  const last = ordered.at(-1)
  if (first === undefined || last === undefined) {
    return { firstDay: 0, values: [], emptyDays: 0, partialDays: 0 }
  }
  const usual = usualDistance(ordered)
  const beginsLate = first.at % DAY_MS >= usual
  const endsEarly = DAY_MS - (last.at % DAY_MS) > usual
  const firstDay = dayOf(first.at) + Number(beginsLate)
  const lastDay = dayOf(last.at) - Number(endsEarly)
  const sums = new Map<number, number>()
  for (const { at, value } of ordered) sums.set(dayOf(at), (sums.get(dayOf(at)) ?? 0) + value)
  const days = Array.from({ length: Math.max(0, lastDay - firstDay + 1) }, (_, i) => firstDay + i)
  return {
    firstDay,
    values: days.map((day) => sums.get(day) ?? 0),
    emptyDays: days.filter((day) => !sums.has(day)).length,
    partialDays: Number(beginsLate) + Number(endsEarly),
  }
}

/** One sample may be late or missing without its day being one of the partial ones. */
const TOLERANCE = 2

/** Between one sample and the next; a day for samples of whole days, whatever their hour. */
function usualDistance(ordered: readonly Sample[]): number {
  const distances = ordered.slice(1).map(({ at }, i) => at - (ordered[i]?.at ?? at))
  const distance = median(distances.filter((between) => between > 0))
  return Number.isFinite(distance) && distance * TOLERANCE < DAY_MS
    ? Math.max(distance * TOLERANCE, 1)
    : DAY_MS
}

const dayOf = (at: number): number => Math.floor(at / DAY_MS)
