import { AGEING_CLASSES } from './classes.ts'
import type { RetentionClass } from './rule.ts'

/** Days by class; what is not named has its default. */
export type RetentionPeriods = Readonly<Record<string, number>>

const DAY_MS = 86_400_000
/** A century: no law asks for more. */
const DAYS_MAX = 36_525

export const daysOf = ({ name, days }: RetentionClass, periods: RetentionPeriods): number | null =>
  days === null ? null : (periods[name] ?? days)

/**
 * Rows from before this instant go.
 *
 * @param now milliseconds since 1970
 */
export function edgeOf(given: RetentionClass, days: number, now: number): number {
  const edge = now - days * DAY_MS
  // A year's rows go together, once the period has passed since the year's end.
  return given.fromYearEnd === true ? Date.UTC(new Date(edge).getUTCFullYear(), 0) : edge
}

/** What is wrong with a period that somebody sets; undefined when nothing is. */
export function faultOfPeriod(name: string, days: number): string | undefined {
  const known = AGEING_CLASSES.find((one) => one.name === name)
  if (known === undefined) {
    return `no class ${name.slice(0, 40)}; there are ${AGEING_CLASSES.map((one) => one.name).join(', ')}`
  }
  const { least, most } = known
  if (!Number.isInteger(days) || days < 1 || days > DAYS_MAX) return `${name}: whole days`
  if (least !== undefined && days < least.days) {
    return `${name}: at least ${least.days} days (${least.why})`
  }
  if (most !== undefined && days > most.days) {
    return `${name}: at most ${most.days} days (${most.why})`
  }
  return undefined
}
