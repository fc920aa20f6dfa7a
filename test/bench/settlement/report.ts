import { type MachineFacts, table } from '../report.ts'
import type { Figure } from './measure.ts'
import type { Outcome } from './targets.ts'

export function printSettlement(
  figures: readonly Figure[],
  targets: readonly Outcome[],
  { cpu, cores, platform, node, load }: MachineFacts,
): string {
  const head = `${cpu}, ${cores} cores, load ${load.toFixed(1)} at the start; ${platform}, Node ${node}`
  return [head, '', ...table(figureRows(figures)), '', ...table(targetRows(targets))].join('\n')
}

export function markdownSettlement(
  figures: readonly Figure[],
  targets: readonly Outcome[],
): string {
  return [...markdown(figureRows(figures)), '', ...markdown(targetRows(targets)), ''].join('\n')
}

/** One line for each figure, one column for each store; what needs no store is in the first. */
function figureRows(figures: readonly Figure[]): string[][] {
  const titles = [...new Map(figures.map(({ id, title, unit }) => [id, `${title}, ${unit}`]))]
  const cell = (id: string, stores: readonly Figure['store'][]) => {
    const found = figures.find((one) => one.id === id && stores.includes(one.store))
    return found === undefined ? '–' : spread(found)
  }
  return [
    ['', 'PostgreSQL', 'PGlite'],
    ...titles.map(([id, title]) => [title, cell(id, ['postgres', 'none']), cell(id, ['pglite'])]),
  ]
}

function targetRows(targets: readonly Outcome[]): string[][] {
  return [
    ['promised of PostgreSQL', 'measured', 'limit', ''],
    ...targets.map(({ title, measured, limit, bound, met }) => [
      title,
      number(measured),
      `${bound === 'at most' ? '≤' : '≥'} ${number(limit)}`,
      met ? 'met' : 'missed',
    ]),
  ]
}

function spread({ spread: { median, min, max } }: Figure): string {
  return min === max ? number(median) : `${number(median)} [${number(min)}..${number(max)}]`
}

function number(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function markdown([head = [], ...rows]: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)]
}
