import {
  formatPrice,
  type KnownOffer,
  type MatchedOffer,
  type OfferedModel,
  PICO_PER_EURO,
  type PicoEuro,
} from '@hanse/protocol'
import type { JsonObject } from '../engine/json.ts'

/** What a list of models is narrowed and ordered by. */
export interface ModelQuery {
  /** As OpenRouter has it: only models whose every one of these parameters is heeded. */
  readonly supportedParameters: readonly string[]
  readonly sort: 'price' | 'throughput' | 'context' | undefined
}

type Offers = readonly MatchedOffer<KnownOffer>[]

/** Heeded by every engine there is. */
const PARAMETERS = [
  'max_tokens',
  'temperature',
  'top_p',
  'stop',
  'seed',
  'presence_penalty',
  'frequency_penalty',
] as const

/** What a capability of an offered model adds. */
const BY_CAPABILITY: Readonly<Record<string, readonly string[]>> = {
  tools: ['tools', 'tool_choice'],
  reasoning: ['reasoning', 'include_reasoning'],
  logprobs: ['logprobs', 'top_logprobs'],
  structured: ['response_format', 'structured_outputs'],
}

/** @param query `supported_parameters` and `sort` of a request; what else it holds is not looked at */
export function modelQuery(query: URLSearchParams): ModelQuery {
  const sort = query.get('sort')
  const known = (['price', 'throughput', 'context'] as const).find((each) => each === sort)
  const wanted = query.getAll('supported_parameters').join(',')
  return {
    supportedParameters: wanted.split(',').filter((name) => name !== ''),
    sort: known,
  }
}

/** `GET /v1/models`: each model once, with what the market has of it. @param offers best first */
export function modelList(offers: Offers, query: ModelQuery): JsonObject {
  const models = new Map<string, MatchedOffer<KnownOffer>[]>()
  for (const offer of offers)
    models.set(offer.model.id, [...(models.get(offer.model.id) ?? []), offer])
  const fitting = [...models.values()].filter((each) => {
    const heeded = parametersOf(each)
    return query.supportedParameters.every((name) => heeded.includes(name))
  })
  const { sort } = query
  if (sort !== undefined) fitting.sort((a, b) => ORDERS[sort](a, b))
  return { object: 'list', data: fitting.map(entryOf) }
}

/** `GET /v1/models/{id}`, by id or alias; `undefined` when nobody offers it. */
export function modelEntry(offers: Offers, name: string): JsonObject | undefined {
  const [first] = offers.filter(({ model }) => model.id === name || model.aliases.includes(name))
  if (first === undefined) return undefined
  return entryOf(offers.filter(({ model }) => model.id === first.model.id))
}

const ORDERS: Readonly<Record<NonNullable<ModelQuery['sort']>, (a: Offers, b: Offers) => number>> =
  {
    price: (a, b) => {
      const [one, other] = [cheapest(a), cheapest(b)]
      const difference = one.outputPrice - other.outputPrice || one.inputPrice - other.inputPrice
      return difference < 0n ? -1 : difference > 0n ? 1 : 0
    },
    throughput: (a, b) => (fastest(b) ?? 0) - (fastest(a) ?? 0),
    context: (a, b) => longest(b) - longest(a),
  }

function entryOf(offers: Offers): JsonObject {
  const best = cheapest(offers)
  const context = longest(offers)
  const issued = Math.min(...offers.map(({ known }) => known.offer.issuedAt))
  return {
    id: best.id,
    object: 'model',
    created: Math.floor(issued / 1000),
    owned_by: best.id.split('/')[0],
    // As OpenRouter has them; prices are in euro.
    name: best.id,
    canonical_slug: best.id,
    context_length: context,
    architecture: architectureOf(offers),
    pricing: {
      prompt: perToken(best.inputPrice),
      completion: perToken(best.outputPrice),
      currency: 'EUR',
    },
    top_provider: {
      context_length: context,
      max_completion_tokens: Math.max(...offers.map(({ model }) => model.maxOutputTokens)),
    },
    supported_parameters: parametersOf(offers),
    hanse: {
      offers: offers.length,
      countries: distinct(offers.map(({ known }) => known.offer.country)),
      aliases: distinct(offers.flatMap(({ model }) => model.aliases)),
      capabilities: capabilitiesOf(offers),
      context_length: context,
      quantizations: distinct(offers.flatMap(({ model }) => model.quantization ?? [])),
      digests: distinct(offers.flatMap(({ model }) => model.digest ?? [])),
      input_price: rangeOf(offers.map(({ model }) => model.inputPrice)),
      output_price: rangeOf(offers.map(({ model }) => model.outputPrice)),
      tokens_per_second: fastest(offers) ?? null,
      slots: sum(offers.map(({ model }) => model.slots)),
      free_slots: sum(offers.map(({ model }) => model.freeSlots)),
      evidence_level: Math.max(...offers.map(({ evidenceLevel }) => evidenceLevel)),
    },
  }
}

function architectureOf(offers: Offers): JsonObject {
  const capabilities = capabilitiesOf(offers)
  const input = capabilities.includes('vision') ? ['text', 'image'] : ['text']
  const speaks = capabilities.includes('chat') || capabilities.includes('completion')
  const output = capabilities.includes('embedding') && !speaks ? ['embeddings'] : ['text']
  return {
    modality: `${input.join('+')}->${output.join('+')}`,
    input_modalities: input,
    output_modalities: output,
  }
}

function parametersOf(offers: Offers): string[] {
  const more = capabilitiesOf(offers).flatMap((capability) => BY_CAPABILITY[capability] ?? [])
  return [...PARAMETERS, ...more]
}

function capabilitiesOf(offers: Offers): string[] {
  return distinct(offers.flatMap(({ model }) => model.capabilities))
}

function cheapest(offers: Offers): OfferedModel {
  return offers
    .map(({ model }) => model)
    .reduce((best, model) => (model.outputPrice < best.outputPrice ? model : best))
}

function fastest(offers: Offers): number | undefined {
  const told = offers.flatMap(({ model }) => model.tokensPerSecond ?? [])
  return told.length === 0 ? undefined : Math.max(...told)
}

function longest(offers: Offers): number {
  return Math.max(...offers.map(({ model }) => model.contextLength))
}

/** From the lowest to the highest, exactly: per million tokens to read, in pico-euro per token to count. */
function rangeOf(prices: readonly PicoEuro[]): JsonObject {
  const lowest = prices.reduce((a, b) => (b < a ? b : a))
  const highest = prices.reduce((a, b) => (b > a ? b : a))
  return {
    min: formatPrice(lowest),
    max: formatPrice(highest),
    min_pico_euro_per_token: lowest.toString(),
    max_pico_euro_per_token: highest.toString(),
  }
}

const DECIMALS = PICO_PER_EURO.toString().length - 1

/** Euro per token as a decimal, as in `0.0000002`: a JSON number would be printed with an exponent. */
function perToken(price: PicoEuro): string {
  const digits = price.toString().padStart(DECIMALS + 1, '0')
  const fraction = digits.slice(-DECIMALS).replace(/0+$/u, '')
  return fraction === '' ? digits.slice(0, -DECIMALS) : `${digits.slice(0, -DECIMALS)}.${fraction}`
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)]
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
