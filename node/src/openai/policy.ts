import {
  EVIDENCE_KINDS,
  type EvidenceKind,
  HanseError,
  isCountryCode,
  isPeerId,
  type PicoEuro,
  parsePrice,
} from '@hanse/protocol'
import { type RequestPolicy, SORTS, type Sort } from '../consumer/request.ts'
import { isJsonObject, type JsonObject } from '../engine/json.ts'
import { attributionOf } from './attribution.ts'
import { FieldError } from './field-error.ts'

/** Headers of a request, by lower-case name, as `Headers` gives them. */
export interface RequestHeaders {
  get(name: string): string | null | undefined
}

/** How a client wants to be served, beyond what OpenAI's fields can say. */
export interface Wishes {
  readonly policy: RequestPolicy
  /** For the spend: tags as the client gave them, and those that a team, feature and prompt version become. */
  readonly tags: readonly string[]
  /** Whom the client asks for, in whatever field it says so. */
  readonly user: string | undefined
  /** Take an answer that was given before, and keep this one, for so long: ms; the node's own setting when absent. */
  readonly cacheMs: number | undefined
  readonly cache: boolean | undefined
}

/** As many as an order of preference makes sense for. */
const NAMES_MAX = 64
const TAGS_MAX = 16
const TEXT_CHARS_MAX = 256
const DEADLINE_MS_MAX = 86_400_000
/** A day: longer than any answer that is asked for again is worth keeping in memory. */
const CACHE_SECONDS_MAX = 86_400

/** One thing that a client said, and where. */
interface Said {
  readonly param: string
  readonly value: unknown
}

/** The fields of a policy: what a header and the `hanse` object of the body call them. */
const NAMES = {
  region: 'x-hanse-region',
  min_level: 'x-hanse-min-level',
  evidence: 'x-hanse-evidence',
  max_input_price: 'x-hanse-max-input-price',
  max_output_price: 'x-hanse-max-output-price',
  sort: 'x-hanse-sort',
  only: 'x-hanse-only',
  ignore: 'x-hanse-ignore',
  order: 'x-hanse-order',
  allow_fallbacks: 'x-hanse-allow-fallbacks',
  models: 'x-hanse-models',
  tags: 'x-hanse-tags',
  user: 'x-hanse-user',
  team: 'x-hanse-team',
  feature: 'x-hanse-feature',
  prompt_version: 'x-hanse-prompt-version',
  deadline: 'x-hanse-deadline',
  affinity: 'x-hanse-affinity',
  hedge: 'x-hanse-hedge',
  cache: 'x-hanse-cache',
} as const
type Name = keyof typeof NAMES
type AllSaid = Partial<Record<Name, Said>>

/** OpenRouter's `provider` fields that are a preference at most, and so may be left unheard. */
const UNHEARD: ReadonlySet<string> = new Set([
  'require_parameters',
  'preferred_min_throughput',
  'preferred_max_latency',
])
const LIKE_OURS = ['order', 'only', 'ignore', 'allow_fallbacks'] as const

/**
 * Reads how a client wants to be served. A header goes before the `hanse` object of the body, and that before what other
 * gateways call it: `provider`, `models`, `session_id`, `prompt_cache_key`; for whom it is see `attributionOf`.
 *
 * @throws {FieldError} that names the header or field: what cannot be kept is refused, never overheard
 */
export function readWishes(body: JsonObject, headers: RequestHeaders): Wishes {
  const said: AllSaid = { ...fromOthers(body), ...fromHanse(body.hanse), ...fromHeaders(headers) }
  const read = <Value>(name: Name, as: (said: Said) => Value): Value | undefined =>
    said[name] === undefined ? undefined : as(said[name])
  const cache = read('cache', cacheOf)
  return {
    policy: known({
      regions: read('region', regionsOf),
      minLevel: read('min_level', (each) => wholeOf(each, 4)),
      evidence: read('evidence', evidenceOf),
      maxInputPrice: read('max_input_price', priceOf),
      maxOutputPrice: read('max_output_price', priceOf),
      sort: read('sort', sortOf),
      only: read('only', peersOf),
      ignore: read('ignore', peersOf),
      order: read('order', peersOf),
      allowFallbacks: read('allow_fallbacks', flagOf),
      models: read('models', (each) => listOf(each, NAMES_MAX)),
      hedge: read('hedge', flagOf),
      affinity: read('affinity', textOf),
      deadlineMs: read('deadline', durationOf),
    }),
    ...attributionOf(body, headers, {
      tags: read('tags', (each) => listOf(each, TAGS_MAX)),
      user: read('user', textOf),
      team: read('team', textOf),
      feature: read('feature', textOf),
      promptVersion: read('prompt_version', textOf),
    }),
    cache: cache === undefined ? undefined : cache !== false,
    cacheMs: typeof cache === 'number' ? cache : undefined,
  }
}

function fromHeaders(headers: RequestHeaders): AllSaid {
  const said: AllSaid = {}
  for (const [name, header] of Object.entries(NAMES) as [Name, string][]) {
    const value = headers.get(header)
    if (value !== null && value !== undefined) said[name] = { param: header, value }
  }
  return said
}

function fromHanse(hanse: unknown): AllSaid {
  if (hanse === undefined || hanse === null) return {}
  if (!isJsonObject(hanse)) throw new FieldError('hanse', 'must be an object')
  const { max_price, ...rest } = hanse
  const said = pricesOf('hanse.max_price', max_price, { input: 'input', output: 'output' })
  for (const [field, value] of Object.entries(rest)) {
    const param = `hanse.${field}`
    if (!Object.hasOwn(NAMES, field))
      throw new FieldError(param, `unknown; known are ${Object.keys(NAMES).join(', ')}, max_price`)
    if (value !== null) said[field as Name] = { param, value }
  }
  return said
}

function fromOthers(body: JsonObject): AllSaid {
  const { models, session_id, prompt_cache_key } = body
  const said: AllSaid = isJsonObject(body.provider) ? fromProvider(body.provider) : {}
  if (Array.isArray(models)) said.models = { param: 'models', value: models }
  if (typeof prompt_cache_key === 'string')
    said.affinity = { param: 'prompt_cache_key', value: prompt_cache_key }
  if (typeof session_id === 'string') said.affinity = { param: 'session_id', value: session_id }
  return said
}

function fromProvider(provider: JsonObject): AllSaid {
  const { max_price, sort, zdr, data_collection, ...rest } = provider
  const said = pricesOf('provider.max_price', max_price, { input: 'prompt', output: 'completion' })
  const by = isJsonObject(sort) ? sort.by : sort
  if (by !== undefined && by !== null) said.sort = { param: 'provider.sort', value: by }
  if (zdr === true || data_collection === 'deny') {
    const param = zdr === true ? 'provider.zdr' : 'provider.data_collection'
    throw new FieldError(
      param,
      'what a provider keeps cannot be proved; choose providers with `only`',
    )
  }
  for (const [field, value] of Object.entries(rest)) {
    const param = `provider.${field}`
    if (value === null || value === false || UNHEARD.has(field)) {
      if (field === 'allow_fallbacks' && value === false) said.allow_fallbacks = { param, value }
      continue
    }
    const ours = LIKE_OURS.find((name) => name === field)
    if (ours === undefined) throw new FieldError(param, 'cannot be kept here; leave it out')
    said[ours] = { param, value }
  }
  return said
}

/** Prices, in euro per million tokens, whatever a client may be used to. */
function pricesOf(
  param: string,
  prices: unknown,
  names: { readonly input: string; readonly output: string },
): AllSaid {
  if (prices === undefined || prices === null) return {}
  if (!isJsonObject(prices)) throw new FieldError(param, 'must be an object')
  const said: AllSaid = {}
  for (const [field, value] of Object.entries(prices)) {
    if (value === null) continue
    const one = { param: `${param}.${field}`, value }
    if (field === names.input) said.max_input_price = one
    else if (field === names.output) said.max_output_price = one
    else throw new FieldError(one.param, `unknown; known are ${names.input}, ${names.output}`)
  }
  return said
}

function priceOf({ param, value }: Said): PicoEuro {
  const text = typeof value === 'number' ? String(value) : value
  try {
    if (typeof text === 'string') return parsePrice(text)
  } catch (error) {
    if (!(error instanceof HanseError)) throw error
  }
  throw new FieldError(param, 'must be a price in euro per million tokens, such as "0.20 EUR/Mtok"')
}

function regionsOf(said: Said): string[] {
  const items = listOf(said, NAMES_MAX)
  if (items.length === 1 && items[0] === 'anywhere') return []
  const wrong = items.find((item) => item !== 'EU' && item !== 'EEA' && !isCountryCode(item))
  if (wrong === undefined) return items
  throw new FieldError(said.param, 'must be EU, EEA, country codes such as DE, or anywhere')
}

function peersOf(said: Said): readonly string[] {
  const items = listOf(said, NAMES_MAX)
  if (items.every(isPeerId)) return items
  throw new FieldError(said.param, 'must be peer ids (12D3Koo…); GET /hanse/v1/offers lists them')
}

function sortOf({ param, value }: Said): Sort {
  const found = SORTS.find((sort) => sort === value)
  if (found === undefined) throw new FieldError(param, `must be one of ${SORTS.join(', ')}`)
  return found
}

function evidenceOf(said: Said): EvidenceKind[] {
  return listOf(said, EVIDENCE_KINDS.length).map((item) => {
    const found = EVIDENCE_KINDS.find((kind) => kind === item)
    if (found !== undefined) return found
    throw new FieldError(said.param, `must be of ${EVIDENCE_KINDS.join(', ')}`)
  })
}

/** A list of JSON, or words between commas. */
function listOf({ param, value }: Said, max: number): string[] {
  const items: unknown =
    typeof value === 'string' ? value.split(',').map((item) => item.trim()) : value
  const fits = (item: unknown): item is string =>
    typeof item === 'string' && item.length > 0 && item.length <= TEXT_CHARS_MAX
  if (Array.isArray(items) && items.length > 0 && items.length <= max && items.every(fits))
    return items
  throw new FieldError(
    param,
    `must be a list of 1 to ${max} texts of at most ${TEXT_CHARS_MAX} characters`,
  )
}

function textOf({ param, value }: Said): string {
  if (typeof value === 'string' && value !== '' && value.length <= TEXT_CHARS_MAX) return value
  throw new FieldError(param, `must be a text of at most ${TEXT_CHARS_MAX} characters`)
}

function flagOf({ param, value }: Said): boolean {
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  throw new FieldError(param, 'must be true or false')
}

function wholeOf({ param, value }: Said, max: number): number {
  const number = typeof value === 'string' && /^\d+$/u.test(value) ? Number(value) : value
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= max)
    return number
  throw new FieldError(param, `must be a whole number from 0 to ${max}`)
}

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000 } as const

/** Milliseconds, or a number with its unit. */
function durationOf({ param, value }: Said): number {
  const match = /^(\d{1,9})\s*(ms|s|m)?$/u.exec(String(value).trim())
  const ms = Number(match?.[1]) * UNITS_MS[(match?.[2] ?? 'ms') as keyof typeof UNITS_MS]
  if (ms >= 1 && ms <= DEADLINE_MS_MAX) return ms
  throw new FieldError(param, 'must be a time such as 30s, 500ms or 2m, of at most a day')
}

/** Yes, no, or yes and for how many seconds; ms. */
function cacheOf(said: Said): boolean | number {
  const { value } = said
  if (typeof value === 'boolean' || value === 'true' || value === 'false') return flagOf(said)
  return wholeOf(said, CACHE_SECONDS_MAX) * 1000
}

/** Without the fields that nobody said anything about. */
function known<T extends object>(fields: { [Key in keyof T]: T[Key] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}
