import { bars } from '../../report/bars.ts'
import { paidOf } from '../answers.ts'
import { cheatPays, shown, sweepOf } from '../figures-of.ts'
import { PROVIDER_CHEATS } from '../plan.ts'
import type { MarketResults } from '../run-all.ts'
import { cell, type Part } from './part.ts'

export function checksPart(results: MarketResults): Part {
  const scenarios = sweepOf(results, 'checks')
  return {
    plots: [
      bars({
        title: 'Earnings with a cheat, as a multiple of those without',
        up: 'times',
        categories: scenarios.map(({ value }) => `${value} checked`),
        series: PROVIDER_CHEATS.map((cheat) => ({
          name: cheat,
          values: scenarios.map((scenario) => cheatPays(results, scenario, cheat)),
        })),
      }),
    ],
    table: [
      ['spot checks', ...PROVIDER_CHEATS, 'paid, EUR/Mtok'],
      ...scenarios.map((scenario) => [
        scenario.value,
        ...PROVIDER_CHEATS.map((cheat) => shown(cheatPays(results, scenario, cheat))),
        cell(paidOf)(scenario),
      ]),
    ],
  }
}
