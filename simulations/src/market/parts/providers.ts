import { bars } from '../../report/bars.ts'
import { plot } from '../../report/plot.ts'
import { estimate } from '../../report/statistics.ts'
import { answeredOf, paidOf, waitsOf } from '../answers.ts'
import { PROVIDER_CLASSES } from '../classes.ts'
import { estimateOf, estimateOver, hoursOf, shown, sweepOf } from '../figures-of.ts'
import type { MarketResults, ScenarioResult } from '../run-all.ts'
import { cell, type Part, point, shareCell, tableOf } from './part.ts'

export function classesPart(results: MarketResults): Part {
  const hours = hoursOf(results)
  const byLoad = sweepOf(results, 'load')
  const figures = ['gross', 'net', 'power', 'profit'] as const
  const of = (figure: (typeof figures)[number]) =>
    PROVIDER_CLASSES.map((type) =>
      estimateOver(hours, ({ classes }) => classes[type][`${figure}PerHour`]),
    )
  return {
    plots: [
      bars({
        title: 'An open hour of a provider',
        up: 'EUR',
        categories: PROVIDER_CLASSES,
        series: [
          { name: 'earned', values: of('gross') },
          { name: 'after the fee', values: of('net') },
          { name: 'after the fee, power, rent and hardware', values: of('profit') },
        ],
      }),
    ],
    table: [
      [
        'class',
        'jobs',
        'earned, EUR/h',
        'after the fee',
        'power',
        'profit',
        ...byLoad.map(({ value }) => `profit at ${value} the requests`),
      ],
      ...PROVIDER_CLASSES.map((type) => [
        type,
        shown(
          estimateOver(hours, ({ classes }) => classes[type].jobs),
          0,
        ),
        ...figures.map((figure) =>
          shown(
            estimateOver(hours, ({ classes }) => classes[type][`${figure}PerHour`]),
            3,
          ),
        ),
        ...byLoad.map(cell(({ classes }) => classes[type].profitPerHour, 3)),
      ]),
    ],
  }
}

export function idlePart(results: MarketResults): Part {
  const clock = [...sweepOf(results, 'clock'), ...sweepOf(results, 'base')].sort(
    (a, b) => a.at - b.at,
  )
  const load = sweepOf(results, 'load')
  const idle = (scenarios: readonly ScenarioResult[]) =>
    PROVIDER_CLASSES.map((type) => ({
      name: type,
      points: scenarios.map((one) =>
        point(
          one.at,
          estimateOf(one, ({ classes }) => classes[type].idleShare),
        ),
      ),
    }))
  const base = sweepOf(results, 'base').map((one) => ({ ...one, at: 1 }))
  const byLoad = [...load, ...base].sort((a, b) => a.at - b.at)
  const share = { up: 'idle', isShare: true }
  return {
    plots: [
      plot({
        ...share,
        title: 'Idle slots by hour of the day',
        across: 'three hours from',
        curves: idle(clock),
      }),
      ...(load.length === 0
        ? []
        : [
            plot({
              ...share,
              title: 'Idle slots by demand',
              across: 'times the requests',
              curves: idle(byLoad),
            }),
          ]),
    ],
    table: tableOf(results, ['clock', 'base', 'load'], 'from; load', [
      ...PROVIDER_CLASSES.map(
        (type) => [`idle, ${type}`, shareCell(({ classes }) => classes[type].idleShare)] as const,
      ),
      ['answered', shareCell(answeredOf)],
      ['over budget', shareCell((run) => run.overBudget)],
    ]),
  }
}

export function newcomersPart(results: MarketResults): Part {
  const scenarios = sweepOf(results, 'explore')
  const early = (scenario: ScenarioResult, type: string) =>
    estimate(
      scenario.runs.map(({ newcomers }) => {
        const one = newcomers[type]
        return one === undefined || one.usualJobs === 0 ? 0 : one.earlyJobs / one.usualJobs
      }),
    )
  return {
    plots: [
      bars({
        title: 'Jobs in the first hour, as a multiple of the usual ones of the class',
        up: 'times',
        categories: scenarios.map(({ value }) => value),
        series: PROVIDER_CLASSES.map((type) => ({
          name: type,
          values: scenarios.map((scenario) => early(scenario, type)),
        })),
      }),
    ],
    table: [
      [
        'requests for newcomers',
        'first job after, min',
        'never',
        ...PROVIDER_CLASSES.map((type) => `jobs ÷ usual, ${type}`),
        'paid, EUR/Mtok',
      ],
      ...scenarios.map((scenario) => {
        const { waits, never } = waitsOf(scenario)
        return [
          scenario.value,
          shown(estimate(waits), 1),
          `${never} of ${waits.length + never}`,
          ...PROVIDER_CLASSES.map((type) => shown(early(scenario, type))),
          cell(paidOf)(scenario),
        ]
      }),
    ],
  }
}
