import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type MachineFacts, table } from './report.ts'

/** A figure beside what bounds it and what else there is, in its unit. */
export interface ToldValue {
  readonly ours: number
  readonly limit?: number
  readonly other?: number
}

export interface ToldRun {
  readonly benchmark: string
  readonly quick: boolean
  readonly startedAt: string
  readonly machine: MachineFacts
  /** By the id that the page of figures knows it by. */
  readonly values: Readonly<Record<string, ToldValue>>
  /** Everything that was measured, by what it is of; ms or µs. */
  readonly samples: Readonly<Record<string, readonly number[]>>
}

/** Prints a run, and writes it where it was asked for. */
export function tell(run: ToldRun, path: string): void {
  const cell = (value: number | undefined) => value?.toPrecision(3) ?? ''
  console.log(
    table([
      ['', 'ours', 'limit', 'other'],
      ...Object.entries(run.values).map(([id, { ours, limit, other }]) => [
        id,
        cell(ours),
        cell(limit),
        cell(other),
      ]),
    ]).join('\n'),
  )
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(run, undefined, 2)}\n`)
  process.stderr.write(`written to ${path}\n`)
}
