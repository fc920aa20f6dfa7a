import { findUnusual } from '../find-anomaly.ts'
import { madeSeries, type Recipe } from './made-series.ts'

export interface Detection {
  /** Of the days that were planted, the share that was found. */
  readonly recall: number
  /** Others that were found, in thirty days. */
  readonly falseAlarms: number
  readonly planted: number
}

/** Days before the first that is looked at. */
const WARM_UP = 70
/** One day in so many is multiplied. */
const EVERY = 29
const LEAST_CHANGE = 0.1

/** Multiplies some days of made series and looks at every day as the evening before it would: found, missed, alarmed. */
export function detection(recipe: Recipe, factor: number, seeds: number): Detection {
  const count = { planted: 0, found: 0, looked: 0, alarms: 0 }
  for (let seed = 1; seed <= seeds; seed += 1) {
    const values = madeSeries(recipe, seed).map((value, day) =>
      isPlanted(day) ? value * factor : value,
    )
    for (let day = WARM_UP; day < values.length; day += 1) {
      // As many days as the service looks at.
      const known = values.slice(Math.max(0, day - WARM_UP), day + 1)
      const isFound = findUnusual(known, LEAST_CHANGE) !== undefined
      if (isPlanted(day)) count.planted += 1
      else count.looked += 1
      if (isFound && isPlanted(day)) count.found += 1
      if (isFound && !isPlanted(day)) count.alarms += 1
    }
  }
  return {
    recall: count.found / count.planted,
    falseAlarms: (30 * count.alarms) / count.looked,
    planted: count.planted,
  }
}

const isPlanted = (day: number): boolean => day >= WARM_UP && day % EVERY === EVERY - 1
