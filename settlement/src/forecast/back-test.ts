import { coverageOf, type Errors, errorsOf } from './measures.ts'
import { naive, type Points } from './models.ts'
import type { Step } from './replay.ts'
import { WEEK } from './weekday-models.ts'

export interface BackTest extends Errors {
  /** Percent of the days that lay within the 80 % intervals. */
  readonly coverage80: number | null
  /** "As a week before" from the same origins. */
  readonly naive: Errors
  /** Forecasts of seven days that were compared with what came. */
  readonly origins: number
  /** Days from one origin to the next. */
  readonly step: 1 | 7
}

/** Two whole weeks: with one, there is no error of "as a week before" to measure by. */
const FIRST_TRIAL = 2 * WEEK
/** Fewer than so many weeks that do not overlap say little: then every day is an origin. */
const WEEKS_MIN = 20

/**
 * What the forecasts of a replay were worth: from each origin the seven days after it, which were not known then.
 *
 * @returns nothing where no origin has two weeks before it and one after it
 */
export function backTest(values: Points, steps: readonly Step[]): BackTest | undefined {
  const possible = steps.filter(
    ({ origin }) => origin >= FIRST_TRIAL && origin + WEEK <= values.length,
  )
  const first = possible[0]?.origin
  if (first === undefined) return undefined
  const step = possible.length > (WEEKS_MIN - 1) * WEEK ? WEEK : 1
  const trials = possible
    .filter(({ origin }) => (origin - first) % step === 0)
    .map((said) => ({ ...said, actual: values.slice(said.origin, said.origin + WEEK) }))
  const plain = trials.map(({ origin, actual }) => ({
    origin,
    actual,
    points: naive(values.slice(0, origin), WEEK),
  }))
  return {
    ...errorsOf(trials, values),
    coverage80: coverageOf(trials),
    naive: errorsOf(plain, values),
    origins: trials.length,
    step,
  }
}
