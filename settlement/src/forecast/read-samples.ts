import { SettlementError } from '../errors.ts'
import type { Sample } from './daily-series.ts'

/** Ten years by the minute. */
const LINES_MAX = 5_300_000

/**
 * Samples out of CSV: a header that names `timestamp` and `value`, then a line for each. A timestamp is ISO 8601 or
 * `2015-02-26 21:42:53`, in UTC where it says nothing else.
 *
 * @throws {SettlementError} HANSE_SERIES_INVALID with the line that cannot be read
 */
export function readSamples(text: string): Sample[] {
  const lines = text.replace(/^\uFEFF/u, '').split(/\r?\n/u)
  if (lines.length > LINES_MAX) throw invalid(`more than ${LINES_MAX} lines`)
  const header = (lines[0] ?? '').split(',').map((name) => unquoted(name).toLowerCase())
  const at = header.indexOf('timestamp')
  const value = header.indexOf('value')
  if (at < 0 || value < 0) throw invalid('line 1: the header must name `timestamp` and `value`')
  const samples: Sample[] = []
  for (const [i, line] of lines.entries()) {
    if (i === 0 || line.trim() === '') continue
    const cells = line.split(',')
    samples.push({ at: timeOf(cells[at], i + 1), value: numberOf(cells[value], i + 1) })
  }
  if (samples.length === 0) throw invalid('there is no line with a value')
  return samples
}

const TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)\s?(Z|[+-]\d{2}:?\d{2})?)?$/u

function timeOf(cell: string | undefined, line: number): number {
  const text = unquoted(cell ?? '')
  const [, date, time = '00:00', zone = 'Z'] = TIME.exec(text) ?? []
  const at = date === undefined ? Number.NaN : Date.parse(`${date}T${time}${zone}`)
  if (Number.isNaN(at)) throw invalid(`line ${line}: ${shown(text)} is no time`)
  return at
}

function numberOf(cell: string | undefined, line: number): number {
  const text = unquoted(cell ?? '')
  const value = text === '' ? Number.NaN : Number(text)
  if (!Number.isFinite(value)) throw invalid(`line ${line}: ${shown(text)} is no number`)
  if (value < 0) throw invalid(`line ${line}: ${shown(text)} is less than nothing`)
  return value
}

const unquoted = (cell: string): string => cell.trim().replace(/^"(.*)"$/u, '$1')

const shown = (text: string): string => JSON.stringify(text.slice(0, 40))

const invalid = (what: string) => new SettlementError('HANSE_SERIES_INVALID', what)
