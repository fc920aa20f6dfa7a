import { csvRows } from '../csv.ts'
import { LineFault, wrongField } from '../line-fault.ts'
import { decoded } from '../lines.ts'
import { amountText } from '../usage-record.ts'
import { BILL_LINES_MAX, type BillLine } from './bill.ts'

/**
 * The lines of a bill as CSV with the columns `amount`, and `model`, `sku` or both. A bill is whole or none: one line that is
 * wrong refuses it.
 *
 * @throws {LineFault} with the line in its message
 */
export async function billLines(bytes: AsyncIterable<Uint8Array>): Promise<BillLine[]> {
  const lines: BillLine[] = []
  for await (const { line, value } of csvRows(decoded(bytes))) {
    if (value instanceof LineFault) throw at(line, value)
    if (lines.length === BILL_LINES_MAX) {
      throw new LineFault('HANSE_IMPORT_LIMIT', `more than ${BILL_LINES_MAX} lines`)
    }
    lines.push(readLine(value, line))
  }
  return lines
}

function readLine(row: ReadonlyMap<string, string>, line: number): BillLine {
  try {
    return billLine({
      model: row.get('model') ?? '',
      sku: row.get('sku') ?? '',
      amount: row.get('amount') ?? '',
    })
  } catch (error) {
    throw error instanceof LineFault ? at(line, error) : error
  }
}

/** @throws {LineFault} */
export function billLine({ model, sku, amount }: BillLine): BillLine {
  return {
    model: name('model', model.toLowerCase()),
    sku: name('sku', sku),
    amount: amountText('amount', amount),
  }
}

const NAME_MAX = 128

function name(field: string, text: string): string {
  const trimmed = text.trim()
  if (trimmed.length > NAME_MAX || /\p{Cc}|\p{Cs}/u.test(trimmed)) {
    throw wrongField(field, `must have at most ${NAME_MAX} plain characters`)
  }
  return trimmed
}

const at = (line: number, { code, message }: LineFault): LineFault =>
  new LineFault(code, `line ${line}: ${message}`)
