import type { CsvRow } from '../csv.ts'
import { LineFault } from '../line-fault.ts'
import {
  amountOf,
  countOf,
  currencyOf,
  idOf,
  optionalText,
  type RawUsage,
  textOf,
  timeOf,
} from '../usage-record.ts'
import type { CsvFormat } from './format.ts'

export const MAPPED_FIELDS = [
  'id',
  'at',
  'provider',
  'model',
  'tier',
  'inputTokens',
  'cachedInputTokens',
  'cacheWriteTokens',
  'longCacheWriteTokens',
  'outputTokens',
  'reasoningTokens',
  'requests',
  'cost',
  'currency',
  'key',
  'user',
] as const
type Field = (typeof MAPPED_FIELDS)[number]

/** Whether a mapping names one of the fields, `tag.…` or `tokens.…`. */
export const isMapped = (field: string): boolean =>
  (MAPPED_FIELDS as readonly string[]).includes(field) || /^(?:tag|tokens)\..{1,64}$/u.test(field)

/**
 * Any CSV: the mapping says which column each field comes from, or `=value` for all rows. Without `id`, a row is told from
 * others by all that it has.
 */
export const mappedCsv: CsvFormat = {
  layout: 'csv',
  read: (row, { mapping }) => {
    const get = (field: Field) => cell(row, mapping[field])
    const cost = optionalText(get('cost'))
    return {
      id: optionalText(get('id')) ?? idOf(...[...row].flat()),
      at: timeOf('at', get('at')),
      provider: textOf('provider', get('provider')),
      model: textOf('model', get('model')),
      tier: optionalText(get('tier')),
      inputTokens: countOf('inputTokens', get('inputTokens')),
      cachedInputTokens: countOf('cachedInputTokens', get('cachedInputTokens')),
      cacheWriteTokens: countOf('cacheWriteTokens', get('cacheWriteTokens')),
      longCacheWriteTokens: countOf('longCacheWriteTokens', get('longCacheWriteTokens')),
      outputTokens: countOf('outputTokens', get('outputTokens')),
      reasoningTokens: countOf('reasoningTokens', get('reasoningTokens')),
      otherTokens: group(row, mapping, 'tokens.', (kind, value) => countOf(kind, value)),
      requests: mapping.requests === undefined ? 1n : countOf('requests', get('requests')),
      cost:
        cost === null
          ? null
          : { amount: amountOf('cost', cost), currency: currencyOf(get('currency')) },
      tags: group(row, mapping, 'tag.', (_name, value) => value.trim()),
      key: optionalText(get('key')),
      user: optionalText(get('user')),
    } satisfies RawUsage
  },
}

function cell(row: CsvRow, from: string | undefined): string | undefined {
  if (from === undefined) return undefined
  if (from.startsWith('=')) return from.slice(1)
  const value = row.get(from)
  if (value === undefined)
    throw new LineFault('HANSE_IMPORT_FIELD', 'a column of the mapping is not there')
  return value
}

function group<Value>(
  row: CsvRow,
  mapping: Readonly<Record<string, string>>,
  prefix: string,
  read: (name: string, value: string) => Value,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(mapping).flatMap(([field, from]) => {
      if (!field.startsWith(prefix)) return []
      const name = field.slice(prefix.length)
      return [[name, read(name, cell(row, from) ?? '')]]
    }),
  )
}
