import type { DocumentContent } from '../document.ts'
import { decimalCents, decimalPercent, decimalPico, isoDate } from './figures.ts'

const COLUMNS = [
  'document',
  'kind',
  'issued',
  'line',
  'label',
  'detail',
  'sessions',
  'receipts',
  'exact_eur',
  'net_eur',
  'vat_percent',
] as const

/** One row for each line; RFC 4180. */
export function renderCsv({ number, kind, issuedAt, lines, tax }: DocumentContent): string {
  const rows = lines.map((line) => [
    number,
    kind,
    isoDate(issuedAt),
    String(line.number),
    line.label,
    line.detail ?? '',
    line.sessions?.toString() ?? '',
    line.receipts?.toString() ?? '',
    line.exact === null ? '' : decimalPico(line.exact),
    decimalCents(line.cents),
    tax === null ? '' : decimalPercent(tax.rateBps),
  ])
  return [COLUMNS, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('')
}

/** Text from outside must not be a formula in a spreadsheet; numbers of ours may begin with a minus. */
function field(text: string): string {
  const plain = /^[=+@\t\r]|^-(?!\d+\.\d+$)/u.test(text) ? `'${text}` : text
  return /[",\r\n]/u.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
