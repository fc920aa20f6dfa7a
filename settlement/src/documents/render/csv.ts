import { csvRecord } from '../../exports/csv.ts'
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
  return [COLUMNS, ...rows].map(csvRecord).join('')
}
