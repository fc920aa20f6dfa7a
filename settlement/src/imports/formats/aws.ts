import type { CsvRow } from '../csv.ts'
import { amountOf, currencyOf, idOf, textOf, timeOf } from '../usage-record.ts'
import { column, kindTokens, type TokenKind, tokensOf } from './cloud-columns.ts'
import type { CsvFormat } from './format.ts'

/** What of a line tells it from others: the id of a line is only its own within one file of a report. */
const IDENTITY = [
  'identity/LineItemId',
  'identity/TimeInterval',
  'lineItem/UsageAccountId',
  'lineItem/LineItemType',
  'lineItem/UsageStartDate',
  'lineItem/UsageType',
  'lineItem/Operation',
  'lineItem/ResourceId',
]

/** AWS Cost and Usage Reports, with the column names of either version: lines of Bedrock. */
export const aws: CsvFormat = {
  layout: 'csv',
  read: (row) => {
    const service = column(row, 'lineItem/ProductCode') ?? column(row, 'product/servicecode') ?? ''
    if (!/bedrock/iu.test(service)) return undefined
    const usageType = textOf('lineItem/UsageType', column(row, 'lineItem/UsageType'))
    const kind = kindOf(usageType)
    const unit = column(row, 'pricing/unit') ?? ''
    const tokens = kind === undefined ? 0n : tokensOf(column(row, 'lineItem/UsageAmount'), unit)
    return {
      id: idOf(...IDENTITY.map((name) => column(row, name))),
      at: timeOf('lineItem/UsageStartDate', column(row, 'lineItem/UsageStartDate')),
      provider: 'aws-bedrock',
      model: modelOf(usageType),
      ...kindTokens(kind, tokens),
      // A line is a meter's, not a request's.
      requests: 0n,
      cost: {
        amount: amountOf('lineItem/UnblendedCost', column(row, 'lineItem/UnblendedCost')),
        currency: currencyOf(column(row, 'lineItem/CurrencyCode')),
      },
      tags: tagsOf(row),
      key: column(row, 'lineItem/UsageAccountId') ?? null,
    }
  },
}

/** Such as `EUC1-Claude3.5Sonnet-input-tokens` or `EUC1-MistralLarge-cache-read-input-token-count`. */
function kindOf(usageType: string): TokenKind | undefined {
  const text = usageType.toLowerCase()
  if (!text.includes('token')) return undefined
  if (/cache-?read/u.test(text)) return 'cached'
  if (/cache-?write/u.test(text)) return 'cache_write'
  if (text.includes('input')) return 'input'
  return text.includes('output') ? 'output' : undefined
}

/** Without the region before it and the meter behind it. */
const modelOf = (usageType: string): string =>
  usageType
    .replace(/^[A-Z]{2,4}\d+-/u, '')
    .replace(/-(?:cache-?(?:read|write)-)?(?:input|output)-tokens?.*$/iu, '')
    .replace(/-cache-?(?:read|write).*$/iu, '') || 'unknown'

function tagsOf(row: CsvRow): Record<string, string> {
  const prefix = /^(?:resourceTags\/user:|resource_tags_user_)/u
  return Object.fromEntries(
    [...row].flatMap(([name, value]) =>
      prefix.test(name) && value !== '' ? [[name.replace(prefix, ''), value]] : [],
    ),
  )
}
