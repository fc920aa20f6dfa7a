import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BENCHES, commandOf } from './benches.ts'
import { type BenchFile, SECTIONS } from './catalogue.ts'
import type { Performance, Run, Value } from './figures.ts'
import { QUIET_BUSY_MOST } from './render.ts'

interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryMb: number
  readonly kernel?: string
  readonly node: string
}

/** Files that may not be published, each with the reason. */
export interface ReadRuns {
  readonly performance: Performance
  readonly refused: readonly string[]
}

/**
 * What the files of a folder, `NAME.json` of each benchmark, say; what they do not say stays as it was.
 *
 * @param isAny takes rough and disturbed runs too, to see how a page would look
 */
export function readRuns(folder: string, before: Performance, isAny: boolean): ReadRuns {
  const runs: Record<string, Run> = { ...before.runs }
  const values: Record<string, Value> = { ...before.values }
  const refused: string[] = []
  for (const bench of BENCHES) {
    const path = join(folder, `${bench.name}.json`)
    if (!existsSync(path)) continue
    const file = JSON.parse(readFileSync(path, 'utf8')) as BenchFile
    const why = unfit(file)
    if (why !== undefined && !isAny) {
      refused.push(`${bench.name}: ${why}`)
      continue
    }
    runs[bench.name] = runOf(file, commandOf(bench))
    for (const figure of SECTIONS.flatMap(({ figures }) => figures)) {
      if (figure.bench !== bench.name) continue
      const value = figure.read(file)
      // What this run did not measure is not left standing beside the date of this run.
      if (value === undefined) delete values[figure.id]
      else values[figure.id] = value
    }
  }
  return { performance: { runs, values }, refused }
}

function unfit(file: BenchFile): string | undefined {
  if (file.quick === true) return 'a quick run, whose figures are rough'
  const busy = busyOf(file)
  if (busy === null)
    return 'not run by `npm run bench`, so that nobody looked whether the machine did other work'
  return busy <= QUIET_BUSY_MOST
    ? undefined
    : `the machine did other work: its processors were ${(busy * 100).toFixed(0)} % busy before`
}

function runOf(file: BenchFile, command: string): Run {
  const { cpu, cores, memoryMb, kernel, node } = file.machine as Machine
  return {
    date: String(file.startedAt),
    command: file.quick === true ? `${command} --quick` : command,
    cpu,
    cores,
    memoryMb,
    kernel: kernel ?? null,
    node,
    busy: busyOf(file),
  }
}

/** What the runner has added. */
function busyOf({ busyBefore }: BenchFile): number | null {
  return typeof busyBefore === 'number' ? busyBefore : null
}
