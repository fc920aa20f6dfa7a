import { type Estimate, estimate, mean } from '../report/statistics.ts'
import type { MarketOutcome } from './outcome.ts'
import type { ProviderCheat } from './plan.ts'
import type { MarketResults, ScenarioResult } from './run-all.ts'
import type { Sweep } from './scenarios.ts'

export type Figure = (outcome: MarketOutcome) => number

/** The scenarios of a sweep, in their order. */
export const sweepOf = ({ scenarios }: MarketResults, sweep: Sweep): readonly ScenarioResult[] =>
  scenarios.filter((one) => one.sweep === sweep)

export const estimateOf = ({ runs }: Pick<ScenarioResult, 'runs'>, figure: Figure): Estimate =>
  estimate(runs.map(figure))

/** Over several scenarios of the same seeds: their mean in each seed is one observation. */
export function estimateOver(scenarios: readonly ScenarioResult[], figure: Figure): Estimate {
  return estimate(bySeed(scenarios, figure))
}

/** Means over scenarios, one for each seed. */
export function bySeed(scenarios: readonly ScenarioResult[], figure: Figure): number[] {
  const [first] = scenarios
  return (first?.runs ?? []).map((_, i) =>
    mean(scenarios.flatMap(({ runs }) => runs[i] ?? []).map(figure)),
  )
}

/** How much the second differs from the first, seed by seed: what both have in common is no noise. */
export function changeOf(
  one: ScenarioResult,
  other: ScenarioResult,
  figure: Figure,
  same: Figure = figure,
): Estimate {
  const changes = one.runs.flatMap((run, i) => {
    const against = other.runs[i]
    return against === undefined ? [] : [figure(against) - same(run)]
  })
  return estimate(changes)
}

/** 1 for more, −1 for less, 0 for nothing that so few seeds can tell from chance. */
export function directionOf({ mean, off }: Estimate): 1 | 0 | -1 {
  if (!Number.isFinite(off) || Math.abs(mean) <= off || mean === 0) return 0
  return mean > 0 ? 1 : -1
}

/** “3.21 ± 0.04”; without the second part where there is none. */
export function shown({ mean, off }: Estimate, digits = 2, factor = 1): string {
  const text = (mean * factor).toFixed(digits).replace(/^-/u, '−')
  return off > 0 && Number.isFinite(off) ? `${text} ± ${(off * factor).toFixed(digits)}` : text
}

export const percentOf = (value: Estimate, digits = 1): string => `${shown(value, digits, 100)} %`

/** The hours of the day that were simulated of the market as it is. */
export const hoursOf = (results: MarketResults): readonly ScenarioResult[] => [
  ...sweepOf(results, 'base'),
  ...sweepOf(results, 'clock'),
]

/**
 * What providers earn with a cheat, as a multiple of what the very same ones earn in the market in which nobody cheats,
 * seed by seed.
 */
export function cheatPays(results: MarketResults, scenario: ScenarioResult, cheat: ProviderCheat) {
  const [base] = sweepOf(results, 'base')
  return estimate(
    scenario.runs.flatMap((run, i) => {
      const names = Object.keys(run.cheats).filter((name) => run.cheats[name] === cheat)
      const sum = (nets: Readonly<Record<string, number>> = {}) =>
        names.reduce((all, name) => all + (nets[name] ?? 0), 0)
      const honest = sum(base?.runs[i]?.nets)
      return honest > 0 ? [sum(run.nets) / honest] : []
    }),
  )
}
