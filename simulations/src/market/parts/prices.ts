import { plot } from '../../report/plot.ts'
import { estimate } from '../../report/statistics.ts'
import { answeredOf, paidOf } from '../answers.ts'
import { PROVIDER_CLASSES } from '../classes.ts'
import { estimateOf, type Figure, sweepOf } from '../figures-of.ts'
import type { MarketResults, ScenarioResult } from '../run-all.ts'
import { cell, type Part, point, shareCell, tableOf } from './part.ts'

export function pricingPart(results: MarketResults): Part {
  const scenarios = sweepOf(results, 'pricing')
  const over = (of: 'median' | 'p10' | 'p90') =>
    scenarios.map(({ value, runs }) => ({
      name: `${value}, ${of === 'median' ? of : of === 'p10' ? 'cheapest tenth' : 'dearest tenth'}`,
      isDashed: of !== 'median',
      points: (runs[0]?.prices ?? []).map(({ at }, i) =>
        point(at / 60_000, estimate(runs.map(({ prices }) => prices[i]?.[of] ?? 0))),
      ),
    }))
  const base = { across: 'minutes', up: 'EUR/Mtok' }
  return {
    plots: [
      plot({ ...base, title: 'Median price of an answer’s tokens', curves: over('median') }),
      plot({
        ...base,
        title: 'Cheapest and dearest tenth',
        curves: [...over('p10'), ...over('p90')],
      }),
    ],
    table: tableOf(
      results,
      ['pricing', 'base', 'load'],
      'prices, requests',
      [
        ['settles after, min', cell((run) => run.settlesAfterMinutes, 0)],
        ['dearest ÷ cheapest tenth, first hour', cell((run) => run.spreadFirst)],
        ['last hour', cell((run) => run.spreadLast)],
        ['median at the end, EUR/Mtok', cell((run) => run.medianLast)],
        ['paid, EUR/Mtok', cell(paidOf)],
        ['answered', shareCell(answeredOf)],
      ],
      pricedAs,
    ),
  }
}

const pricedAs = ({ sweep, value }: ScenarioResult): string => {
  if (sweep === 'pricing') return `all ${value}`
  return sweep === 'base' ? 'a third of each' : `a third of each, ${value}`
}

export function feePart(results: MarketResults): Part {
  const scenarios = sweepOf(results, 'fee')
  const curves = (figure: (type: (typeof PROVIDER_CLASSES)[number]) => Figure) =>
    PROVIDER_CLASSES.map((type) => ({
      name: type,
      points: scenarios.map((one) => point(100 * one.at, estimateOf(one, figure(type)))),
    }))
  return {
    plots: [
      plot({
        title: 'Providers that are still there after three hours',
        across: 'fee, %',
        up: 'share',
        isShare: true,
        curves: curves(
          (type) =>
            ({ classes }) =>
              classes[type].stays,
        ),
      }),
    ],
    table: tableOf(results, ['fee'], 'fee', [
      ...PROVIDER_CLASSES.map(
        (type) =>
          [`net, ${type}, EUR/h`, cell(({ classes }) => classes[type].netPerHour, 3)] as const,
      ),
      ...PROVIDER_CLASSES.map(
        (type) => [`stay, ${type}`, shareCell(({ classes }) => classes[type].stays, 0)] as const,
      ),
      ['of the platform, EUR', cell((run) => run.fees)],
      ['paid, EUR/Mtok', cell(paidOf)],
      ['answered', shareCell(answeredOf)],
    ]),
  }
}

export function floorPart(results: MarketResults): Part {
  return {
    table: tableOf(results, ['base', 'floor'], 'market', [
      ['sold below its power', shareCell((run) => run.belowPowerShare)],
      ['median at the end, EUR/Mtok', cell((run) => run.medianLast)],
      ['profit, home, EUR/h', cell(({ classes }) => classes.home.profitPerHour, 3)],
    ]),
  }
}
