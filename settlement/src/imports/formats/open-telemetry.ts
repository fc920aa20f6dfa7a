import { decimalOf, format } from '../../costs/decimal.ts'
import { type ExactJson, type ExactObject, isObject, listOf } from '../exact-json.ts'
import { LineFault, wrongField } from '../line-fault.ts'
import { amountOf, countOf, type RawUsage, textOf, type UsageRecord } from '../usage-record.ts'
import type { JsonFormat } from './format.ts'

// OTLP/JSON and the semantic conventions for generative AI as `@opentelemetry/semantic-conventions` 1.45 has them, with the
// names that they had before and those that widespread instrumentation has instead. The first that is there counts.

const NAMES = {
  provider: ['gen_ai.provider.name', 'gen_ai.system'],
  model: ['gen_ai.response.model', 'gen_ai.request.model'],
  input: ['gen_ai.usage.input_tokens', 'gen_ai.usage.prompt_tokens', 'llm.usage.prompt_tokens'],
  output: [
    'gen_ai.usage.output_tokens',
    'gen_ai.usage.completion_tokens',
    'llm.usage.completion_tokens',
  ],
  cached: [
    'gen_ai.usage.cache_read.input_tokens',
    'gen_ai.usage.cache_read_input_tokens',
    'gen_ai.usage.input_tokens.cached',
  ],
  cacheWrite: [
    'gen_ai.usage.cache_creation.input_tokens',
    'gen_ai.usage.cache_write.input_tokens',
    'gen_ai.usage.cache_creation_input_tokens',
  ],
  reasoning: [
    'gen_ai.usage.reasoning.output_tokens',
    'gen_ai.usage.output_tokens.reasoning',
    'gen_ai.usage.reasoning_tokens',
  ],
  tier: ['openai.response.service_tier', 'gen_ai.openai.response.service_tier'],
  user: ['user.id', 'enduser.id', 'enduser.pseudo.id'],
} as const
const OPERATION = 'gen_ai.operation.name'
const REPLAYED = 'hanse.replayed'
const COST_PICO_EURO = 'hanse.cost_pico_euro'
const COST_DOLLARS = 'gen_ai.usage.cost'

/** Attributes of the service that become tags; the later one goes before the name that it had. */
const RESOURCE_TAGS = {
  'service.name': 'service',
  'deployment.environment': 'environment',
  'deployment.environment.name': 'environment',
}

const NAMED: ReadonlySet<string> = new Set([
  ...Object.values(NAMES).flat(),
  ...Object.keys(RESOURCE_TAGS),
  OPERATION,
  REPLAYED,
  COST_PICO_EURO,
  COST_DOLLARS,
])

/** Whether an attribute of a span or of its service is looked at. */
export const isNamedAttribute = (key: string): boolean => NAMED.has(key)

/** Spans of these hold the sums of the requests below them, or ask no model. */
const NO_REQUESTS = ['invoke_agent', 'create_agent', 'execute_tool', 'invoke_workflow']
/** A span of who answered (SERVER): who asked has one, too. */
const SPAN_KIND_SERVER = '2'
const NS_PER_MS = 1_000_000n
const PICO_DIGITS = 12

export const openTelemetry: JsonFormat = {
  layout: 'json',
  units: (element) =>
    childrenOf(element, 'resourceSpans').flatMap((resource) =>
      childrenOf(resource, 'scopeSpans').flatMap((scope) =>
        childrenOf(scope, 'spans').map((span) => ({
          span,
          resource: isObject(resource) ? (resource.resource ?? null) : null,
        })),
      ),
    ),
  read: (unit) => {
    const { span, resource } = unit as { span: ExactJson; resource: ExactJson }
    if (!isObject(span)) throw new LineFault('HANSE_IMPORT_FORMAT', 'not a span')
    const attributes = attributesOf(span)
    return isRequest(span, attributes)
      ? usageOf(span, attributes, attributesOf(resource))
      : undefined
  },
}

type Attributes = ReadonlyMap<string, string>

function usageOf(span: ExactObject, attributes: Attributes, resource: Attributes): RawUsage {
  const first = (names: readonly string[]): string | undefined =>
    names.map((name) => attributes.get(name)).find((value) => value !== undefined)
  const count = (names: readonly string[]): bigint => countOf(names[0] ?? '', first(names))
  return {
    id: `${hexOf(span, 'traceId', 32)}:${hexOf(span, 'spanId', 16)}`,
    at: startOf(span),
    provider: textOf(NAMES.provider[0], first(NAMES.provider)),
    model: textOf(NAMES.model[0], first(NAMES.model)),
    tier: first(NAMES.tier) ?? null,
    inputTokens: count(NAMES.input),
    cachedInputTokens: count(NAMES.cached),
    outputTokens: count(NAMES.output),
    reasoningTokens: count(NAMES.reasoning),
    cacheWriteTokens: count(NAMES.cacheWrite),
    requests: 1n,
    cost: costOf(attributes),
    tags: Object.fromEntries(
      Object.entries(RESOURCE_TAGS).flatMap(([name, tag]) => {
        const value = resource.get(name)
        return value === undefined ? [] : [[tag, value]]
      }),
    ),
    user: first(NAMES.user) ?? null,
  }
}

function isRequest(span: ExactObject, attributes: Attributes): boolean {
  const hasTokens = [...NAMES.input, ...NAMES.output].some((name) => attributes.has(name))
  const isServer = span.kind === SPAN_KIND_SERVER || span.kind === 'SPAN_KIND_SERVER'
  const isReplay = attributes.get(REPLAYED) === 'true'
  const operation = attributes.get(OPERATION) ?? ''
  return hasTokens && !isServer && !isReplay && !NO_REQUESTS.includes(operation)
}

/** Our gateway says what it paid; others say what they believe it was, in dollars. */
function costOf(attributes: Attributes): UsageRecord['cost'] {
  const pico = attributes.get(COST_PICO_EURO)
  if (pico !== undefined) {
    return {
      amount: format(decimalOf(countOf(COST_PICO_EURO, pico), PICO_DIGITS)),
      currency: 'EUR',
    }
  }
  const dollars = attributes.get(COST_DOLLARS)
  return dollars === undefined ? null : { amount: amountOf(COST_DOLLARS, dollars), currency: 'USD' }
}

function startOf(span: ExactObject): number {
  const { startTimeUnixNano: start } = span
  if (typeof start !== 'string' || !/^\d{1,20}$/u.test(start)) {
    throw wrongField('startTimeUnixNano', 'not a number of nanoseconds')
  }
  return Number(BigInt(start) / NS_PER_MS)
}

function hexOf(span: ExactObject, name: 'traceId' | 'spanId', digits: number): string {
  const value = span[name]
  if (typeof value !== 'string' || value.length !== digits || !/^[0-9a-f]+$/iu.test(value)) {
    throw wrongField(name, `not ${digits} hexadecimal digits`)
  }
  return value.toLowerCase()
}

/** Only scalars: lists and structures hold messages, and those are never looked at. */
function attributesOf(holder: ExactJson): Attributes {
  const found = new Map<string, string>()
  for (const attribute of listOf(isObject(holder) ? holder.attributes : undefined)) {
    if (!isObject(attribute) || typeof attribute.key !== 'string' || !isObject(attribute.value))
      continue
    const { stringValue, intValue, doubleValue, boolValue } = attribute.value
    const value = stringValue ?? intValue ?? doubleValue ?? boolValue
    if (typeof value === 'string' || typeof value === 'boolean')
      found.set(attribute.key, `${value}`)
  }
  return found
}

const childrenOf = (holder: ExactJson, name: string): readonly ExactJson[] =>
  listOf(isObject(holder) ? holder[name] : undefined)
