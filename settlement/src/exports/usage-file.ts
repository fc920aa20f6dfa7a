import { decimalOf, format } from '../costs/decimal.ts'
import type { SettlementStore } from '../db/store.ts'
import type { UsageCell } from '../usage/usage-store.ts'
import { csvRecord } from './csv.ts'
import type { Period } from './period.ts'

const DAY_MS = 86_400_000
const PICO = 12
const COLUMNS = [
  'day',
  'key',
  'member',
  'tags',
  'model',
  'sessions',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'amount_eur',
  'fee_eur',
] as const
type Row = Readonly<Record<(typeof COLUMNS)[number], string>>

/** What was used by day, key, member, tags and model, each session in one row; whole days. */
export async function* usageRecords(
  store: SettlementStore,
  organization: string,
  { from, to }: Period,
): AsyncGenerator<Row> {
  for (let day = from; day < to; day += DAY_MS) {
    const cells = await store.usageCells({ organization, from: day, to: day + DAY_MS })
    for (const cell of cells) yield toRow(new Date(day).toISOString().slice(0, 10), cell)
  }
}

export async function* usageCsv(records: AsyncIterable<Row>): AsyncGenerator<string> {
  yield csvRecord(COLUMNS)
  for await (const record of records) yield csvRecord(COLUMNS.map((column) => record[column]))
}

/** One JSON object a line. */
export async function* usageJsonLines(records: AsyncIterable<Row>): AsyncGenerator<string> {
  for await (const record of records) yield `${JSON.stringify(record)}\n`
}

const toRow = (day: string, cell: UsageCell): Row => ({
  day,
  key: cell.key,
  member: cell.member,
  // Tags have no line breaks; other characters a list of them may have.
  tags: JSON.stringify(cell.tags),
  model: cell.model,
  sessions: cell.sessions.toString(),
  input_tokens: cell.inputTokens.toString(),
  cached_input_tokens: cell.cachedInputTokens.toString(),
  output_tokens: cell.outputTokens.toString(),
  amount_eur: format(decimalOf(cell.amount, PICO)),
  fee_eur: format(decimalOf(cell.fee, PICO)),
})
