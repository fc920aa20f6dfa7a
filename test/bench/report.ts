import { availableParallelism, cpus } from 'node:os'
import type { FigureResult, Results, ScenarioCost } from './measure.ts'
import type { Spread } from './statistics.ts'

export interface MachineFacts {
  readonly cpu: string
  readonly cores: number
  readonly platform: string
  readonly node: string
}

export function machineFacts(): MachineFacts {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  }
}

export function printResults({ figures, costs }: Results, machine: MachineFacts): string {
  const rows = figures.map((figure) => [
    `${figure.title} (${figure.unit})`,
    spread(figure.direct, figure),
    spread(figure.gateway, figure),
    `${ratio(figure.ratio.median)} [${ratio(figure.ratio.min)}..${ratio(figure.ratio.max)}]`,
    figure.unit === 'ms' ? `${signed(figure.added.median)} ms` : '',
  ])
  const { cpu, cores, platform, node } = machine
  return [
    `${cpu}, ${cores} cores shared by engine, provider, gateway, relay and client; ${platform}, Node ${node}`,
    '',
    ...table([['median [min..max]', 'direct', 'gateway', 'gateway/direct', 'added'], ...rows]),
    '',
    ...costTable(costs),
  ].join('\n')
}

/** CPU time tells more than the clock where the processes share few cores. */
function costTable(costs: readonly ScenarioCost[]): string[] {
  const names = [...new Set(costs.flatMap(({ cpuMs }) => Object.keys(cpuMs)))]
  if (names.length === 0) return []
  const rows = costs.map(({ scenario, side, answers, receipts, cpuMs }) => [
    `${scenario}, ${side}`,
    ...names.map((name) => ((cpuMs[name] ?? 0) / answers).toFixed(2)),
    (receipts / answers).toFixed(1),
  ])
  return table([['CPU ms per answer', ...names, 'receipts'], ...rows])
}

function spread({ median, min, max }: Spread, { unit }: FigureResult): string {
  const digits = unit === 'ms' ? 2 : 0
  const [middle, low, high] = [median, min, max].map((value) => value.toFixed(digits))
  return `${middle} [${low}..${high}]`
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(2)}`
}

function ratio(value: number): string {
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** Columns under each other; the first to the left, the others to the right. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]?.length ?? 0
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
}
