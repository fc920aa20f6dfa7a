import { type ExactJson, type ExactObject, isObject } from '../exact-json.ts'
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

/**
 * Logs of LiteLLM: rows of its table `LiteLLM_SpendLogs`, as its API and exports of its database give them, and the objects
 * that its loggers write to storage. Field names after `SpendLogsPayload` of `litellm.proxy._types` and
 * `StandardLoggingPayload` of `litellm.types.utils`. Messages and responses are read past.
 */
export const litellm: JsonFormat = {
  layout: 'json',
  isTable: true,
  units: (element) => [element],
  read: (row) => {
    if (!isObject(row)) throw new LineFault('HANSE_IMPORT_FORMAT', 'not an object')
    const inputTokens = countOf('prompt_tokens', row.prompt_tokens)
    const outputTokens = countOf('completion_tokens', row.completion_tokens)
    const cost = spendOf(row)
    // Nobody answered, so nothing was used; the model of some of them is empty.
    const isNothing = inputTokens + outputTokens === 0n && cost === null
    if (isNothing && optionalText(row.status) === 'failure') return undefined
    return { ...namesOf(row), ...partsOf(row), inputTokens, outputTokens, requests: 1n, cost }
  },
}

function namesOf(row: ExactObject) {
  const name = textOf('model', row.model)
  const slash = name.indexOf('/')
  const prefix = slash > 0 ? name.slice(0, slash) : null
  const given = optionalText(row.custom_llm_provider)
  const provider = given ?? prefix ?? 'unknown'
  return {
    id: textOf('request_id', row.request_id ?? row.id),
    at: startOf(row.startTime),
    provider,
    // Part of the name of a model that was made by one and is served by another.
    model: prefix === provider ? name.slice(slash + 1) : name,
    tags: tagsOf(row),
    key: optionalText(row.api_key) ?? optionalText(within(row.metadata, 'user_api_key_hash')),
    user:
      optionalText(row.end_user) ??
      optionalText(row.user) ??
      optionalText(within(row.metadata, 'user_api_key_user_id')),
  } satisfies Partial<RawUsage>
}

/** Of the input what is cached, and of the output what was thought; in today's place and in that of before. */
function partsOf({ metadata }: ExactObject) {
  const usage = structured(within(metadata, 'usage_object'))
  const details = isObject(usage) ? usage : within(metadata, 'additional_usage_values')
  const count = (name: string, ...places: readonly (ExactJson | undefined)[]): bigint =>
    countOf(name, places.find((value) => value !== undefined && value !== null) ?? null)
  const prompt = within(details, 'prompt_tokens_details')
  return {
    cachedInputTokens: count(
      'cached_tokens',
      within(prompt, 'cached_tokens'),
      within(details, 'cache_read_input_tokens'),
    ),
    cacheWriteTokens: count(
      'cache_creation_input_tokens',
      within(details, 'cache_creation_input_tokens'),
      within(prompt, 'cache_creation_tokens'),
    ),
    longCacheWriteTokens: count(
      'ephemeral_1h_input_tokens',
      within(prompt, 'cache_creation_token_details', 'ephemeral_1h_input_tokens'),
    ),
    reasoningTokens: count(
      'reasoning_tokens',
      within(details, 'completion_tokens_details', 'reasoning_tokens'),
    ),
  }
}

/** ISO 8601 in the table, seconds since 1970 with a fraction in what loggers write. */
function startOf(value: ExactJson | undefined): number {
  const text = typeof value === 'string' ? value : ''
  return /^\d{10}(?:\.\d+)?$/u.test(text)
    ? Math.round(Number(text) * 1000)
    : timeOf('startTime', value)
}

/**
 * In dollars. LiteLLM writes 0 where it knows no price: that is not known here either, unless the answer came from its
 * cache and cost nothing.
 */
function spendOf(row: ExactObject): UsageRecord['cost'] {
  const given = row.spend ?? row.response_cost
  if ((given ?? '') === '') return null
  const amount = amountOf('spend', given)
  const hit = row.cache_hit
  const isCached = hit === true || optionalText(hit)?.toLowerCase() === 'true'
  return parseDecimal(amount)?.units === 0n && !isCached ? null : { amount, currency: 'USD' }
}

function tagsOf(row: ExactObject): Record<string, string> {
  const team =
    optionalText(row.team_id) ?? optionalText(within(row.metadata, 'user_api_key_team_id'))
  // The proxy adds them by itself: they say which program asked, and with each of its versions there are more.
  const { 'User-Agent': _program, ...tags } = wordTags(row.request_tags)
  return { ...(team !== null && { team }), ...tags }
}
