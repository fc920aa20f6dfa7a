import {
  type ExactJson,
  type ExactObject,
  isObject,
  listOf,
  parseExactJson,
} from '../exact-json.ts'
import { LineFault } from '../line-fault.ts'
import {
  amountOf,
  countOf,
  optionalText,
  parseDecimal,
  textOf,
  timeOf,
  type UsageRecord,
} from '../usage-record.ts'
import type { JsonFormat } from './format.ts'

/** Rows of LiteLLM's table `LiteLLM_SpendLogs`, as its API and exports of its database give them. */
export const litellm: JsonFormat = {
  layout: 'json',
  units: (element) => [element],
  read: (row) => {
    if (!isObject(row)) throw new LineFault('HANSE_IMPORT_FORMAT', 'not an object')
    const model = textOf('model', row.model)
    const details = usageObject(row)
    return {
      id: textOf('request_id', row.request_id),
      at: timeOf('startTime', row.startTime),
      provider: optionalText(row.custom_llm_provider) ?? providerOf(model),
      model: model.slice(model.indexOf('/') + 1),
      inputTokens: countOf('prompt_tokens', row.prompt_tokens),
      outputTokens: countOf('completion_tokens', row.completion_tokens),
      cachedInputTokens: countOf(
        'cached_tokens',
        detail(details, 'prompt_tokens_details', 'cached_tokens'),
      ),
      cacheWriteTokens: countOf('cache_creation_input_tokens', details.cache_creation_input_tokens),
      reasoningTokens: countOf(
        'reasoning_tokens',
        detail(details, 'completion_tokens_details', 'reasoning_tokens'),
      ),
      requests: 1n,
      cost: spendOf(row),
      tags: tagsOf(row),
      key: optionalText(row.api_key),
      user: optionalText(row.end_user) ?? optionalText(row.user),
    }
  },
}

/**
 * In dollars. LiteLLM writes 0 where it knows no price: that is not known here either, unless the answer came from its
 * cache and cost nothing.
 */
function spendOf(row: ExactObject): UsageRecord['cost'] {
  if (row.spend === undefined || row.spend === null) return null
  const amount = amountOf('spend', row.spend)
  const hit = row.cache_hit
  const isCached = hit === true || optionalText(hit)?.toLowerCase() === 'true'
  return parseDecimal(amount)?.units === 0n && !isCached ? null : { amount, currency: 'USD' }
}

const providerOf = (model: string): string =>
  model.includes('/') ? model.slice(0, model.indexOf('/')) : 'unknown'

function tagsOf(row: ExactObject): Record<string, string> {
  const given = structured(row.request_tags)
  const texts = listOf(given).filter((tag): tag is string => typeof tag === 'string')
  const team = optionalText(row.team_id)
  return {
    ...(team !== null && { team }),
    ...Object.fromEntries(
      texts.map((tag) => {
        const at = tag.search(/[:=]/u)
        return at > 0 ? [tag.slice(0, at).trim(), tag.slice(at + 1).trim()] : [tag, 'true']
      }),
    ),
  }
}

function usageObject(row: ExactObject): ExactObject {
  const metadata = structured(row.metadata)
  const usage = isObject(metadata) ? metadata.usage_object : undefined
  return isObject(usage) ? usage : {}
}

function detail(usage: ExactObject, group: string, name: string): ExactJson | undefined {
  const details = usage[group]
  return isObject(details) ? details[name] : undefined
}

/** Exports of the database have JSON columns as texts. */
function structured(value: ExactJson | undefined): ExactJson | undefined {
  if (typeof value !== 'string' || !/^[[{]/u.test(value)) return value
  try {
    return parseExactJson(value)
  } catch {
    return undefined
  }
}
