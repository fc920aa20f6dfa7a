import type { CsvRow } from '../csv.ts'
import type { ExactJson } from '../exact-json.ts'
import type { RawUsage } from '../usage-record.ts'

export interface ReadTerms {
  /** Milliseconds since 1970. */
  readonly now: number
  /** Of a mapped CSV: our fields, and the columns that they come from. */
  readonly mapping: Readonly<Record<string, string>>
}

/**
 * How a file of one kind is read. A format takes only what it names: prompts and answers that a file carries beside go
 * nowhere. What is no usage of a model (`undefined`) is ignored.
 */
export type Format = JsonFormat | CsvFormat

export interface JsonFormat {
  readonly layout: 'json'
  /** Whether it comes as CSV as well, each row an object of its columns. */
  readonly isTable?: boolean
  /** The single things in one element of the file, each of which may fail alone. */
  units(element: ExactJson): readonly ExactJson[]
  /** @throws {LineFault} */
  read(unit: ExactJson, terms: ReadTerms): RawUsage | undefined
}

export interface CsvFormat {
  readonly layout: 'csv'
  /** @throws {LineFault} */
  read(row: CsvRow, terms: ReadTerms): RawUsage | undefined
}
