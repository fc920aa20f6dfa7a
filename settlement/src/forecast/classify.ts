import { mean, median } from './statistics.ts'
import { WEEK } from './weekday-models.ts'

/** Whether days are like their weekdays around them, or jump; unknown where there are too few. */
export type SpendClass = 'smooth' | 'bursty' | 'unknown'

/** Four of each weekday, for the usual of a day is taken from those around it. */
const DAYS_MIN = 4 * WEEK
/** Weeks to each side that a day is compared with. */
const WEEKS_AROUND = 2
/** A mean distance from the usual of this is smooth: about what a daily error of 15 % can be kept below at. */
const SMOOTH_MAX = 0.12

/** How far days are from the median of the same weekdays around them, as a share of all: 0 is clockwork. */
export function roughness(values: readonly number[]): number {
  const distances = values.map((value, i) => Math.abs(value - usual(values, i)))
  return mean(distances) / mean(values)
}

export function classOf(values: readonly number[]): SpendClass {
  if (values.length < DAYS_MIN) return 'unknown'
  return roughness(values) <= SMOOTH_MAX ? 'smooth' : 'bursty'
}

function usual(values: readonly number[], day: number): number {
  const around: number[] = []
  for (let week = -WEEKS_AROUND; week <= WEEKS_AROUND; week += 1) {
    const value = values[day + week * WEEK]
    if (value !== undefined && week !== 0) around.push(value)
  }
  return median(around)
}
