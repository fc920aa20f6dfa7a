import { type MachineFacts, table } from '../report.ts'
import type { SideCost, SideFigure } from '../sides.ts'
import type { Spread } from '../statistics.ts'
import type { GatewayResults, ProcessMemory } from './measure.ts'
import type { SideName } from './rig.ts'
import { between, divide, type Outcome } from './targets.ts'

export function printGateways(
  { figures, costs, memory }: GatewayResults,
  targets: readonly Outcome[],
  sides: readonly SideName[],
  { cpu, cores, platform, node, load }: MachineFacts,
): string {
  return [
    `${cpu}, ${cores} cores shared by all processes, load before ${load.toFixed(1)}; ${platform}, Node ${node}`,
    ...section(figureRows(figures, sides)),
    ...section(costRows(costs)),
    ...section(memoryRows(memory)),
    ...section(targetRows(targets)),
  ].join('\n')
}

function section([head, ...rows]: readonly (readonly string[])[]): string[] {
  return head === undefined || rows.length === 0 ? [] : ['', ...table([head, ...rows])]
}

function figureRows(figures: readonly SideFigure[], sides: readonly SideName[]): string[][] {
  return [
    ['median [min..max]', ...sides, 'hanse/pipes', 'hanse/portkey'],
    ...figures.map((figure) => [
      `${figure.title} (${figure.unit})`,
      ...sides.map((side) => spread(figure.sides[side])),
      ratio(between(figure, 'pipes', divide)),
      ratio(between(figure, 'portkey', divide)),
    ]),
  ]
}

/** Where the time of the cores went: it tells more than the clock where the processes share few of them. */
function costRows(costs: readonly SideCost[]): string[][] {
  const rows = costs.flatMap(({ scenario, side, answers, tokens, processes }) =>
    Object.entries(processes).map(([name, { median }]) => [
      `${scenario}, ${side}`,
      name,
      tokens === 0 ? '' : digits(median / tokens),
      digits(median / answers / 1000),
    ]),
  )
  return [['CPU', 'process', 'µs a token', 'ms an answer'], ...rows]
}

function memoryRows(memory: readonly ProcessMemory[]): string[][] {
  const rows = memory.map(({ side, process, residentMb, peakMb }) => [
    `${side}, ${process}`,
    digits(residentMb),
    digits(peakMb),
  ])
  return [['memory, MB', 'after load', 'peak'], ...rows]
}

function targetRows(targets: readonly Outcome[]): string[][] {
  const rows = targets.map(({ title, unit, value, limit, better, met }) => [
    `${title} (${unit})`,
    digits(value),
    `${better === 'lower' ? '≤' : '≥'} ${digits(limit)}`,
    met ? 'met' : 'MISSED',
  ])
  return [['target', 'measured', 'limit', ''], ...rows]
}

function spread(of: Spread | undefined): string {
  if (of === undefined) return '–'
  return `${digits(of.median)} [${digits(of.min)}..${digits(of.max)}]`
}

function ratio(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? '–' : `${digits(value)}×`
}

/** Three digits that count. */
export function digits(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return 'never'
  if (value === 0) return '0'
  const magnitude = Math.floor(Math.log10(Math.abs(value)))
  return value.toFixed(Math.min(2, Math.max(0, 2 - magnitude)))
}
