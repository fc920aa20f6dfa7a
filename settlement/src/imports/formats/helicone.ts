import type { ExactObject } from '../exact-json.ts'
import { isObject, listOf } from '../exact-json.ts'
import { LineFault } from '../line-fault.ts'
import {
  amountOf,
  countOf,
  optionalText,
  parseDecimal,
  type RawUsage,
  textOf,
  textsOf,
  timeOf,
  type UsageRecord,
} from '../usage-record.ts'
import type { JsonFormat } from './format.ts'
import { structured } from './json-columns.ts'

const CONTENT_STATUS_MAX = 299

/** Properties that Helicone's own headers set: they tell requests apart, not whose they are. */
const OWN_PROPERTIES = /^helicone-/iu

/**
 * Requests of Helicone: files of `npx @helicone/export` as JSON or JSON Lines, and answers of
 * `/v1/request/query-clickhouse`. Field names after `HeliconeRequest` in Helicone's published `llm-mapper` types. Bodies of
 * requests and answers are read past.
 */
export const helicone: JsonFormat = {
  layout: 'json',
  units: (element) =>
    isObject(element) && Array.isArray(element.data) ? listOf(element.data) : [element],
  read: (row) => {
    if (!isObject(row) || row.request_id === undefined) {
      throw new LineFault('HANSE_IMPORT_FORMAT', 'not a request')
    }
    const tokens = tokensOf(row)
    const cost = costOf(row)
    const isNothing = tokens.inputTokens + tokens.outputTokens === 0n && cost === null
    return isNothing && isRefused(row) ? undefined : usageOf(row, tokens, cost)
  },
}

function usageOf(
  row: ExactObject,
  tokens: ReturnType<typeof tokensOf>,
  cost: UsageRecord['cost'],
): RawUsage {
  const model =
    optionalText(row.response_model) ??
    optionalText(row.model) ??
    optionalText(row.model_override) ??
    textOf('request_model', row.request_model)
  const properties = textsOf(structured(row.request_properties) ?? structured(row.properties))
  return {
    id: textOf('request_id', row.request_id),
    at: timeOf('request_created_at', row.request_created_at),
    provider: textOf('provider', row.provider),
    model,
    ...tokens,
    requests: 1n,
    cost,
    tags: Object.fromEntries(
      Object.entries(properties).filter(([name]) => !OWN_PROPERTIES.test(name)),
    ),
    user: optionalText(row.request_user_id),
  }
}

/** Helicone counts what was cached and what was thought beside `prompt_tokens` and `completion_tokens`, not in them. */
function tokensOf(row: ExactObject) {
  const cachedInputTokens = countOf('prompt_cache_read_tokens', row.prompt_cache_read_tokens)
  const cacheWriteTokens = countOf('prompt_cache_write_tokens', row.prompt_cache_write_tokens)
  const reasoningTokens = countOf('reasoning_tokens', row.reasoning_tokens)
  return {
    inputTokens: countOf('prompt_tokens', row.prompt_tokens) + cachedInputTokens + cacheWriteTokens,
    cachedInputTokens,
    cacheWriteTokens,
    outputTokens: countOf('completion_tokens', row.completion_tokens) + reasoningTokens,
    reasoningTokens,
  }
}

/** In dollars. 0 is what is written where no price was known, but for answers from Helicone's own cache. */
function costOf(row: ExactObject): UsageRecord['cost'] {
  const given = row.cost ?? row.costUSD
  if (given === undefined || given === null) return null
  const amount = amountOf('cost', given)
  const isFree = parseDecimal(amount)?.units === 0n
  return isFree && !isFromCache(row) ? null : { amount, currency: 'USD' }
}

const NO_REFERENCE = '00000000-0000-0000-0000-000000000000'

/** Its tokens are 0 then: nobody was asked. */
function isFromCache({ cache_reference_id: id }: ExactObject): boolean {
  const reference = optionalText(id)
  return reference !== null && reference !== NO_REFERENCE
}

/** Not answered, or with a status that is none of success; negative ones are Helicone's own. */
function isRefused({ response_status: status }: ExactObject): boolean {
  const code = Number(optionalText(status) ?? 0)
  return code < 200 || code > CONTENT_STATUS_MAX
}
