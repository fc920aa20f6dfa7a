import type { ExactJson } from '../exact-json.ts'
import { LineFault } from '../line-fault.ts'
import { countOf, idOf, optionalText, type RawUsage } from '../usage-record.ts'
import { type Bucketed, bucketed, bucketedUnits } from './buckets.ts'
import type { JsonFormat, ReadTerms } from './format.ts'

/** What a bucket may be grouped by; together with its time they are its id. */
const GROUPS = [
  'project_id',
  'user_id',
  'api_key_id',
  'model',
  'batch',
  'service_tier',
  'api_source',
]
/** What images are grouped by as well. */
const IMAGE_GROUPS = ['size', 'source']
/** Kinds that are counted beside input and output, or are part of them. */
const OTHERS = [
  'input_audio_tokens',
  'output_audio_tokens',
  'input_image_tokens',
  'output_image_tokens',
  'images',
  'characters',
  'seconds',
]
/** Reports of what is no use of a model: storage, containers, and calls of tools. */
const NO_MODELS = /vector_stores|code_interpreter_sessions|file_searches|web_searches/u

/**
 * Answers of OpenAI's usage API (`/v1/organization/usage/…`): pages, or the buckets in them. Field names after the types of
 * `openai` 6 (`resources/admin/organization/usage`).
 */
export const openai: JsonFormat = {
  layout: 'json',
  units: bucketedUnits,
  read: (unit, terms) => {
    const found = bucketed(unit)
    if (found === undefined) throw notUsage()
    return NO_MODELS.test(optionalText(found.result.object) ?? '')
      ? undefined
      : usageOf(found, terms)
  },
}

function usageOf({ bucket, result }: Bucketed, { now }: ReadTerms): RawUsage {
  const kind = optionalText(result.object) ?? ''
  if (kind.startsWith('organization.costs')) {
    throw new LineFault('HANSE_IMPORT_FORMAT', 'costs are a bill: import them as one')
  }
  if (!kind.startsWith('organization.usage')) throw notUsage()
  const [start, end] = [seconds(bucket.start_time), seconds(bucket.end_time)]
  if (end > now) {
    throw new LineFault('HANSE_IMPORT_OPEN', 'the time of this bucket is not over')
  }
  const project = optionalText(result.project_id)
  return {
    id: idOf(
      bucket.start_time,
      bucket.end_time,
      kind,
      ...GROUPS.map((name) => result[name]),
      ...IMAGE_GROUPS.flatMap((name) => optionalText(result[name]) ?? []),
    ),
    at: start,
    provider: 'openai',
    model: optionalText(result.model) ?? 'unknown',
    tier: result.batch === true ? 'batch' : optionalText(result.service_tier),
    inputTokens: countOf('input_tokens', result.input_tokens),
    cachedInputTokens: countOf('input_cached_tokens', result.input_cached_tokens),
    cacheWriteTokens: countOf('input_cache_write_tokens', result.input_cache_write_tokens),
    outputTokens: countOf('output_tokens', result.output_tokens),
    otherTokens: Object.fromEntries(OTHERS.map((name) => [name, countOf(name, result[name])])),
    requests: countOf('num_model_requests', result.num_model_requests),
    ...(project !== null && { tags: { project } }),
    key: optionalText(result.api_key_id),
    user: optionalText(result.user_id),
  }
}

const seconds = (value: ExactJson | undefined): number => Number(countOf('time', value)) * 1000

const notUsage = () => new LineFault('HANSE_IMPORT_FORMAT', 'not a bucket of the usage API')
