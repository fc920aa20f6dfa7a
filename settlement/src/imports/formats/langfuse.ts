import { type ExactJson, type ExactObject, isObject, listOf } from '../exact-json.ts'
import { LineFault } from '../line-fault.ts'
import {
  amountOf,
  countOf,
  optionalText,
  parseDecimal,
  type RawUsage,
  textOf,
  timeOf,
  type UsageRecord,
} from '../usage-record.ts'
import type { JsonFormat } from './format.ts'
import { structured, within, wordTags } from './json-columns.ts'

/** Kinds of observations that ask a model; the others hold the sums of what is below them, or ask none. */
const REQUESTS = ['GENERATION', 'EMBEDDING']

/** The same fields in files of the export to blob storage, and in answers of the API. */
const NAMES = {
  trace: ['trace_id', 'traceId'],
  start: ['start_time', 'startTime'],
  model: ['provided_model_name', 'providedModelName', 'model'],
  usage: ['usage_details', 'usageDetails'],
  cost: ['cost_details', 'costDetails'],
  total: ['total_cost', 'totalCost', 'calculatedTotalCost'],
  user: ['user_id', 'userId'],
  tags: ['tags'],
} as const

/** Where instrumentation writes which provider it was: LangChain, and OpenTelemetry by today's name and that of before. */
const PROVIDERS = [
  ['ls_provider'],
  ['attributes', 'gen_ai.provider.name'],
  ['attributes', 'gen_ai.system'],
]

/**
 * Observations of Langfuse: `observations/` and `observations_v2/` of its export to blob storage as JSON, JSON Lines or CSV
 * (field names after its export field reference), and pages of `/api/public/observations` and `/api/public/v2/observations`
 * (after `ObservationsView` and `ObservationV2` of `@langfuse/core` 5). Input, output and metadata are read past, but for
 * the name of the provider.
 */
export const langfuse: JsonFormat = {
  layout: 'json',
  isTable: true,
  units: (element) =>
    isObject(element) && Array.isArray(element.data) ? listOf(element.data) : [element],
  read: (row) => {
    if (!isObject(row) || first(row, NAMES.start) === undefined) {
      throw new LineFault('HANSE_IMPORT_FORMAT', 'not an observation')
    }
    const kind = optionalText(row.type)?.toUpperCase() ?? ''
    const usage = structured(first(row, NAMES.usage))
    const cost = costOf(row)
    const hasUsage = isObject(usage) && Object.keys(usage).length > 0
    return REQUESTS.includes(kind) && (hasUsage || cost !== null)
      ? usageOf(row, isObject(usage) ? usage : {}, cost)
      : undefined
  },
}

function usageOf(row: ExactObject, usage: ExactObject, cost: UsageRecord['cost']): RawUsage {
  const name = textOf('model', first(row, NAMES.model))
  const known = PROVIDERS.map((path) => optionalText(within(row.metadata, ...path))).find(
    (provider) => provider !== null,
  )
  const trace = optionalText(first(row, NAMES.trace))
  const id = textOf('id', row.id)
  const environment = optionalText(row.environment)
  return {
    id: trace === null ? id : `${trace}:${id}`,
    at: timeOf('start_time', first(row, NAMES.start)),
    provider: known ?? (name.includes('/') ? name.slice(0, name.indexOf('/')) : 'unknown'),
    model: known === undefined ? name.slice(name.indexOf('/') + 1) : name,
    ...tokensOf(usage),
    requests: 1n,
    cost,
    tags: {
      ...wordTags(first(row, NAMES.tags)),
      ...(environment !== null && { environment }),
    },
    user: optionalText(first(row, NAMES.user)),
  }
}

/**
 * Langfuse's kinds of usage exclude each other, but for `total`: what is cached is not in `input`, and reasoning is not in
 * `output`. Those with these words in their names are parts of them.
 */
function tokensOf(usage: ExactObject) {
  const counts = Object.entries(usage)
    .filter(([kind]) => kind !== 'total')
    .map(([kind, value]) => ({ kind: kind.toLowerCase(), count: countOf('usage_details', value) }))
  const sum = (isPart: (kind: string) => boolean) =>
    counts.reduce((all, { kind, count }) => (isPart(kind) ? all + count : all), 0n)
  const isInput = (kind: string) => kind.includes('input')
  const isOutput = (kind: string) => !isInput(kind) && kind.includes('output')
  const isWritten = (kind: string) => isInput(kind) && /cache.*(?:creation|write)/u.test(kind)
  const isCached = (kind: string) => isInput(kind) && kind.includes('cache') && !isWritten(kind)
  return {
    inputTokens: sum(isInput),
    cachedInputTokens: sum(isCached),
    cacheWriteTokens: sum(isWritten),
    longCacheWriteTokens: sum((kind) => isWritten(kind) && /(?<!\d)1h/u.test(kind)),
    outputTokens: sum(isOutput),
    reasoningTokens: sum((kind) => isOutput(kind) && /reasoning|thought|thinking/u.test(kind)),
    otherTokens: Object.fromEntries(
      counts
        .filter(({ kind }) => !isInput(kind) && !isOutput(kind))
        .map(({ kind, count }) => [kind, count]),
    ),
  }
}

/** In dollars. A total of 0 without any part is what is written where no price was known. */
function costOf(row: ExactObject): UsageRecord['cost'] {
  const total = first(row, NAMES.total)
  if (total === undefined) return null
  const amount = amountOf('total_cost', total)
  const parts = structured(first(row, NAMES.cost))
  const hasParts = isObject(parts) && Object.keys(parts).length > 0
  return parseDecimal(amount)?.units === 0n && !hasParts ? null : { amount, currency: 'USD' }
}

function first(row: ExactObject, names: readonly string[]): ExactJson | undefined {
  return names.map((name) => row[name]).find((value) => (value ?? '') !== '')
}
