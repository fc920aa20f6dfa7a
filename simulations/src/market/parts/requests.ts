import { bars } from '../../report/bars.ts'
import { plot } from '../../report/plot.ts'
import { groupsOf, hourOf } from '../answers.ts'
import { estimateOf, estimateOver, hoursOf, percentOf, shown, sweepOf } from '../figures-of.ts'
import type { GroupOutcome } from '../outcome.ts'
import type { MarketResults, ScenarioResult } from '../run-all.ts'
import { cell, type Part, point, shareCell } from './part.ts'

export function leavePart(results: MarketResults): Part {
  const scenarios = [...sweepOf(results, 'base'), ...sweepOf(results, 'leave')]
  const hours = scenarios[0]?.runs[0]?.hours.map((_, hour) => hour) ?? []
  const name = ({ sweep, value }: ScenarioResult) =>
    sweep === 'base' ? 'all stay' : `${value} leaves after an hour`
  const curves = (figure: 'firstP95' | 'eurPerMtok', factor: number) =>
    scenarios.map((scenario) => ({
      name: name(scenario),
      points: hours.map((hour) => {
        const { mean, off } = estimateOf(scenario, hourOf(hour, figure))
        return point(hour + 1, { mean: mean * factor, off: off * factor })
      }),
    }))
  return {
    plots: [
      plot({
        title: 'First token, p95',
        across: 'hour',
        up: 's',
        curves: curves('firstP95', 1 / 1000),
      }),
      plot({ title: 'Paid', across: 'hour', up: 'EUR/Mtok', curves: curves('eurPerMtok', 1) }),
    ],
    table: [
      ['market', 'hour', 'answered', 'first token p50, s', 'p95, s', 'paid, EUR/Mtok'],
      ...scenarios.flatMap((scenario) =>
        hours.map((hour) => [
          name(scenario),
          String(hour + 1),
          shareCell(hourOf(hour, 'answered'), 2)(scenario),
          cell(hourOf(hour, 'firstP50'), 2, 1 / 1000)(scenario),
          cell(hourOf(hour, 'firstP95'), 2, 1 / 1000)(scenario),
          cell(hourOf(hour, 'eurPerMtok'))(scenario),
        ]),
      ),
    ],
  }
}

export function policyPart(results: MarketResults): Part {
  const hours = hoursOf(results)
  const kinds = ['interactive', 'batch'] as const
  const of = (
    kind: (typeof kinds)[number],
    sort: string,
    figure: (group: GroupOutcome) => number,
  ) =>
    estimateOver(hours, ({ groups }) => {
      const group = groups[`${kind}, ${sort}`]
      return group === undefined ? 0 : figure(group)
    })
  const sorts = groupsOf(hours, 'interactive')
  return {
    plots: [
      bars({
        title: 'First token within two seconds',
        up: 'share of the requests',
        isShare: true,
        categories: sorts,
        series: kinds.map((kind) => ({
          name: kind,
          values: sorts.map((sort) => of(kind, sort, ({ prompt }) => prompt)),
        })),
      }),
      bars({
        title: 'A thousand answers',
        up: 'EUR',
        categories: sorts,
        series: kinds.map((kind) => ({
          name: kind,
          values: sorts.map((sort) => of(kind, sort, (group) => group.eurPerThousand)),
        })),
      }),
    ],
    table: [
      [
        'who, policy',
        'answered',
        'EUR per 1,000',
        'first token p50, s',
        'p95, s',
        'answer p50, s',
        'p95, s',
        'within 2 s',
      ],
      ...kinds.flatMap((kind) =>
        groupsOf(hours, kind).map((sort) => [
          `${kind}, ${sort}`,
          percentOf(of(kind, sort, (group) => group.answered)),
          shown(of(kind, sort, (group) => group.eurPerThousand)),
          ...(['firstP50', 'firstP95', 'answerP50', 'answerP95'] as const).map((figure) =>
            shown(
              of(kind, sort, (group) => group[figure]),
              2,
              1 / 1000,
            ),
          ),
          percentOf(of(kind, sort, ({ prompt }) => prompt)),
        ]),
      ),
    ],
  }
}
