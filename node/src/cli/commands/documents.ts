import { writeFile } from 'node:fs/promises'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { DocumentFormat, DocumentSummary, ProviderApi } from '../../settlement/provider-api.ts'
import { usage } from '../log-options.ts'
import { type MoneyFlags, moneyCommand } from '../money/money-command.ts'
import { centsText, dayText } from '../money/money-text.ts'
import { bigints, table } from '../output.ts'
import { clean } from '../terminal-text.ts'

const LIST_DEFAULT = 50
const LIST_MAX = 10_000
const NUMBER = /^[A-Z]{2,3}-\d{4}-\d{6,9}$/u
/** As people call them, and as settlement does. */
const FORMATS: Readonly<Record<string, DocumentFormat>> = {
  pdf: 'pdf',
  ubl: 'xml',
  csv: 'csv',
  json: 'json',
}

export function documentsCommand(): Command {
  return new Command('documents')
    .description('Statements and invoices of what this provider was paid.')
    .addCommand(
      moneyCommand('list', 'List them, newest first.', list)
        .option('-n, --limit <n>', 'how many', parseLimit, LIST_DEFAULT)
        .option('--json', 'print as JSON; amounts are cents')
        .exitOverride(),
      { isDefault: true },
    )
    .addCommand(
      moneyCommand('get', 'Write one of them to a file.', get)
        .argument('<number>', 'such as SB-2026-000001')
        .addOption(
          new Option('--format <format>', 'the form; ubl is UBL 2.1 (EN 16931), of invoices only')
            .choices(Object.keys(FORMATS))
            .default('pdf'),
        )
        .option('-o, --output <file>', 'where to, `-` for standard output (default: its number)')
        .exitOverride(),
    )
}

async function list(api: ProviderApi, flags: MoneyFlags): Promise<void> {
  const documents = await api.documents(Number(flags.limit))
  if (flags.json === true) console.log(JSON.stringify({ documents }, bigints))
  else if (documents.length === 0) console.log('No documents yet: they come once a month.')
  else console.log(table([HEAD, ...documents.map(rowOf)]))
}

const HEAD = ['ISSUED', 'NUMBER', 'KIND', 'PERIOD', 'NET', 'VAT', 'TOTAL']

function rowOf(document: DocumentSummary): string[] {
  const { issuedAt, number, kind, test, period, netCents, vatCents, grossCents } = document
  return [
    dayText(issuedAt),
    clean(number),
    `${clean(kind)}${test ? ' (test)' : ''}`,
    period === null ? '' : dayText(period.from).slice(0, 7),
    centsText(netCents),
    centsText(vatCents),
    centsText(grossCents),
  ]
}

async function get(
  api: ProviderApi,
  { format, output }: MoneyFlags,
  [number = '']: readonly string[],
): Promise<void> {
  if (!NUMBER.test(number)) throw usage(`${clean(number)} is no number such as SB-2026-000001`)
  const form = FORMATS[String(format)] ?? 'pdf'
  const bytes = await api.document(number, form)
  if (output === '-') {
    process.stdout.write(bytes)
    return
  }
  const file = typeof output === 'string' ? output : `${number}.${form}`
  await writeFile(file, bytes)
  console.log(file)
}

function parseLimit(text: string): number {
  const limit = Number(text)
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= LIST_MAX) return limit
  throw new InvalidArgumentError(`must be a whole number from 1 to ${LIST_MAX}.`)
}
