import type { Section } from '../../report/page.ts'
import type { Estimate } from '../../report/statistics.ts'
import { estimateOf, type Figure, percentOf, shown, sweepOf } from '../figures-of.ts'
import type { MarketResults, ScenarioResult } from '../run-all.ts'
import type { Sweep } from '../scenarios.ts'

/** Plots and a table below a question. */
export type Part = Pick<Section, 'plots' | 'table'>

/** A row for each scenario of sweeps, a column for each figure. */
export function tableOf(
  results: MarketResults,
  sweeps: readonly Sweep[],
  first: string,
  columns: readonly (readonly [head: string, text: (scenario: ScenarioResult) => string])[],
  name: (scenario: ScenarioResult) => string = ({ value }) => value,
): string[][] {
  const scenarios = sweeps.flatMap((sweep) => sweepOf(results, sweep))
  return [
    [first, ...columns.map(([head]) => head)],
    ...scenarios.map((scenario) => [name(scenario), ...columns.map(([, text]) => text(scenario))]),
  ]
}

export const cell =
  (figure: Figure, digits = 2, factor = 1) =>
  (scenario: ScenarioResult): string =>
    shown(estimateOf(scenario, figure), digits, factor)
export const shareCell =
  (figure: Figure, digits = 1) =>
  (scenario: ScenarioResult): string =>
    percentOf(estimateOf(scenario, figure), digits)

/** A point of a curve with its interval. */
export function point(x: number, { mean, off }: Estimate): readonly [number, number, number] {
  return [x, mean, Number.isFinite(off) ? off : 0]
}
