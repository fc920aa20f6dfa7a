import type { SettlementContext } from '../context.ts'
import { readDocument } from '../documents/document-schema.ts'
import { csvRecord } from './csv.ts'
import { FOCUS_COLUMNS, type FocusRow } from './focus-columns.ts'
import { documentRows, type FocusParties, usageRow } from './focus-rows.ts'

export interface FocusRange {
  /** Whole days, milliseconds since 1970; `to` is not included. */
  readonly from: number
  readonly to: number
}

/** Read at once; the rest waits until these are sent. */
const PAGE = 1_000

/** All charges of an organization: first what it was billed, then what it used, day by day. */
export async function* focusRows(
  { store }: SettlementContext,
  parties: FocusParties,
  range: FocusRange,
): AsyncGenerator<FocusRow> {
  const { organization } = parties
  let last = 0n
  for (;;) {
    const page = await store.billDocuments(organization, range, last, PAGE)
    for (const { figures } of page) yield* documentRows(parties, readDocument(figures))
    last = page.at(-1)?.id ?? last
    if (page.length < PAGE) break
  }
  let after: Parameters<typeof store.dayUsage>[0]['after']
  for (;;) {
    const page = await store.dayUsage({
      organization,
      ...range,
      limit: PAGE,
      ...(after !== undefined && { after }),
    })
    for (const usage of page) yield usageRow(parties, usage)
    after = page.at(-1)
    if (page.length < PAGE) return
  }
}

export async function* focusCsv(rows: AsyncIterable<FocusRow>): AsyncGenerator<string> {
  yield csvRecord(FOCUS_COLUMNS)
  for await (const row of rows) yield csvRecord(FOCUS_COLUMNS.map((column) => row[column] ?? ''))
}

/** One JSON object a line. */
export async function* focusJsonLines(rows: AsyncIterable<FocusRow>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(row)}\n`
}
