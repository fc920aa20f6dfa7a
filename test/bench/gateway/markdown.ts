import type { MachineFacts } from '../report.ts'
import type { SideFigure } from '../sides.ts'
import type { GatewayResults } from './measure.ts'
import { digits } from './report.ts'
import type { SideName } from './rig.ts'
import type { Outcome } from './targets.ts'

/** The figures as they stand in docs/benchmarks.md: medians of the rounds, and what was promised. */
export function markdownGateways(
  { figures }: GatewayResults,
  targets: readonly Outcome[],
  sides: readonly SideName[],
  { machine, rounds }: { readonly machine: MachineFacts; readonly rounds: number },
): string {
  const { cpu, cores, node, load } = machine
  const promised = targets.filter(({ title }) => !title.startsWith('ahead of'))
  const ahead = targets.filter(({ title }) => title.startsWith('ahead of'))
  return [
    `Medians of ${rounds} rounds on ${cores} cores of an ${cpu}, Node ${node.slice(1)}, load before ${load.toFixed(1)}:`,
    '',
    ...rowsOf([['', ...sides], ...figures.map((figure) => figureRow(figure, sides))]),
    '',
    ...rowsOf([['promised', 'measured', 'limit', ''], ...promised.map(targetRow)]),
    '',
    ...(ahead.length === 0
      ? []
      : [
          `Ahead of Portkey in ${ahead.filter(({ met }) => met).length} of ${ahead.length} lines.`,
          '',
        ]),
  ].join('\n')
}

function figureRow(
  { title, unit, sides: values }: SideFigure,
  sides: readonly SideName[],
): string[] {
  return [
    `${title}, ${unit}`,
    ...sides.map((side) => {
      const spread = values[side]
      return spread === undefined ? '–' : digits(spread.median)
    }),
  ]
}

function targetRow({ title, unit, value, limit, better, met }: Outcome): string[] {
  const sign = better === 'lower' ? '≤' : '≥'
  return [`${title}, ${unit}`, digits(value), `${sign} ${digits(limit)}`, met ? 'met' : 'missed']
}

function rowsOf([head = [], ...rows]: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)]
}
