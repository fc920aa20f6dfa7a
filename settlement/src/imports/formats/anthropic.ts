import { type ExactObject, isObject } from '../exact-json.ts'
import { LineFault } from '../line-fault.ts'
import { countOf, idOf, optionalText, type RawUsage, timeOf } from '../usage-record.ts'
import { type Bucketed, bucketed, bucketedUnits } from './buckets.ts'
import type { JsonFormat, ReadTerms } from './format.ts'

const GROUPS = [
  'workspace_id',
  'api_key_id',
  'account_id',
  'service_account_id',
  'model',
  'service_tier',
  'context_window',
  'inference_geo',
  'speed',
]

/** Answers of Anthropic's usage report (`/v1/organizations/usage_report/messages`): pages, or the buckets in them. */
export const anthropic: JsonFormat = {
  layout: 'json',
  units: bucketedUnits,
  read: (unit, terms) => {
    const found = bucketed(unit)
    if (found?.result.uncached_input_tokens === undefined) {
      throw new LineFault('HANSE_IMPORT_FORMAT', 'not a bucket of the usage report')
    }
    return usageOf(found, terms)
  },
}

function usageOf({ bucket, result }: Bucketed, { now }: ReadTerms): RawUsage {
  const start = timeOf('starting_at', bucket.starting_at)
  const end = timeOf('ending_at', bucket.ending_at)
  if (end > now) throw new LineFault('HANSE_IMPORT_OPEN', 'the time of this bucket is not over')
  const written = cacheWrites(result)
  const cached = countOf('cache_read_input_tokens', result.cache_read_input_tokens)
  const uncached = countOf('uncached_input_tokens', result.uncached_input_tokens)
  const tools = isObject(result.server_tool_use) ? result.server_tool_use : {}
  const workspace = optionalText(result.workspace_id)
  return {
    id: idOf(start, end, ...GROUPS.map((name) => result[name])),
    at: start,
    provider: 'anthropic',
    model: optionalText(result.model) ?? 'unknown',
    tier: optionalText(result.service_tier),
    inputTokens: uncached + cached + written.cacheWriteTokens,
    cachedInputTokens: cached,
    ...written,
    outputTokens: countOf('output_tokens', result.output_tokens),
    otherTokens: {
      web_search_requests: countOf('web_search_requests', tools.web_search_requests),
    },
    // The report does not say how many.
    requests: 0n,
    ...(workspace !== null && { tags: { workspace } }),
    key: optionalText(result.api_key_id),
  }
}

function cacheWrites(result: ExactObject) {
  const made = isObject(result.cache_creation) ? result.cache_creation : {}
  const long = countOf('ephemeral_1h_input_tokens', made.ephemeral_1h_input_tokens)
  const short = countOf('ephemeral_5m_input_tokens', made.ephemeral_5m_input_tokens)
  return { cacheWriteTokens: short + long, longCacheWriteTokens: long }
}
