import { LineFault, wrongField } from '../line-fault.ts'
import { amountOf, currencyOf, idOf, optionalText, textOf, timeOf } from '../usage-record.ts'
import { column, jsonTags, kindTokens, type TokenKind, tokensOf } from './cloud-columns.ts'
import type { CsvFormat } from './format.ts'

const DAY_MS = 86_400_000
/** Meters of models; of Cognitive Services only what counts tokens. */
const CATEGORIES = /azure openai|cognitive services|foundry|azure ai/iu
const IDENTITY = [
  'Date',
  'SubscriptionId',
  'ResourceId',
  'MeterId',
  'MeterName',
  'ChargeType',
  'PricingModel',
  'CostCenter',
  'Tags',
  'AdditionalInfo',
]

/** Azure's cost and usage details, of enterprise and customer agreements. */
export const azure: CsvFormat = {
  layout: 'csv',
  read: (row, { now }) => {
    const meter = column(row, 'MeterName') ?? ''
    const category = `${column(row, 'MeterCategory') ?? ''} ${column(row, 'MeterSubCategory') ?? ''}`
    const unit = column(row, 'UnitOfMeasure') ?? ''
    if (!CATEGORIES.test(category) || !/token/iu.test(`${meter} ${unit}`)) return undefined
    const at = dayOf(textOf('Date', column(row, 'Date', 'UsageDate')))
    if (at + DAY_MS > now)
      throw new LineFault('HANSE_IMPORT_OPEN', 'the day of this line is not over')
    const kind = kindOf(meter)
    const tokens =
      kind === undefined ? 0n : tokensOf(column(row, 'Quantity', 'UsageQuantity'), unit)
    return {
      id: idOf(...IDENTITY.map((name) => column(row, name))),
      at,
      provider: 'azure',
      model: modelOf(meter),
      ...kindTokens(kind, tokens),
      requests: 0n,
      cost: {
        amount: amountOf(
          'CostInBillingCurrency',
          column(row, 'CostInBillingCurrency', 'Cost', 'PreTaxCost'),
        ),
        currency: currencyOf(column(row, 'BillingCurrencyCode', 'BillingCurrency', 'Currency')),
      },
      tags: jsonTags(column(row, 'Tags')),
      key: optionalText(column(row, 'SubscriptionId')),
    }
  },
}

/** Such as `gpt-4o-0806-Inp-glbl Tokens`, `gpt 4.1 cached Inp regnl Tokens`, `gpt-4o Outp Data Zone Tokens`. */
function kindOf(meter: string): TokenKind | undefined {
  if (/\b(?:cached|cchd|cd)\b/iu.test(meter)) return 'cached'
  if (/\b(?:inp|input|prompt)\b/iu.test(meter)) return 'input'
  return /\b(?:outp?|opt|output|completion)\b/iu.test(meter) ? 'output' : undefined
}

const modelOf = (meter: string): string =>
  meter
    .replace(/[ -](?:cached|cchd|cd|inp|input|prompt|outp?|opt|output|completion)\b.*$/iu, '')
    .replace(/ ?tokens?$/iu, '')
    .trim() || 'unknown'

/** A day in UTC: Azure writes `MM/DD/YYYY`, and ISO 8601 in newer exports. */
function dayOf(text: string): number {
  const [, month, day, year] = /^(\d\d)\/(\d\d)\/(\d{4})$/u.exec(text) ?? []
  const at = timeOf('Date', year === undefined ? text : `${year}-${month}-${day}`)
  if (at % DAY_MS !== 0) throw wrongField('Date', 'not a day')
  return at
}
