import { createHash } from 'node:crypto'
import { type Decimal, decimal, format } from '../costs/decimal.ts'
import { type ExactJson, isObject } from './exact-json.ts'
import { LineFault, wrongField } from './line-fault.ts'

/** What was used elsewhere: one logical request, or a bucket of several where a provider tells no more. */
export interface UsageRecord {
  /** The same of the same source is the same usage. */
  readonly id: string
  /** When it began, milliseconds since 1970. */
  readonly at: number
  readonly provider: string
  readonly model: string
  /** What another price depends on, such as `batch`; empty for the usual one. */
  readonly tier: string
  /** All input, with what came from a cache and what was written to one. */
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  /** Of the input, what was written to a cache, for however long. */
  readonly cacheWriteTokens: bigint
  /** Of these, for an hour, which costs more than for minutes. */
  readonly longCacheWriteTokens: bigint
  /** All output, with reasoning. */
  readonly outputTokens: bigint
  readonly reasoningTokens: bigint
  /** Other kinds, by name; some are part of the above. */
  readonly otherTokens: Readonly<Record<string, string>>
  readonly requests: bigint
  /** As it was reported, an exact decimal. */
  readonly cost: { readonly amount: string; readonly currency: string } | null
  readonly tags: Readonly<Record<string, string>>
  readonly key: string | null
  readonly user: string | null
}

/** A model's context is a few million tokens, an organization's day on one model some 10^12. */
const TOKENS_MAX = 10n ** 15n
/** A floating point number that was printed has 17 digits; those of a token may begin at the tenth decimal. */
const DECIMALS_MAX = 30
const DIGITS_MAX = 35
const ID_MAX = 128
const LABEL_MAX = 128
/** Each tag of a row is a sum of its own. */
const TAGS_MAX = 8
const OTHER_KINDS_MAX = 16
/** A clock may be wrong; a time in seconds that is taken for milliseconds is in 1970. */
const AT_MIN = Date.UTC(2020, 0, 1)
const AHEAD_MS_MAX = 86_400_000

/** What formats give; what is left out is nothing. */
export interface RawUsage {
  readonly id: string
  readonly at: number
  readonly provider: string
  readonly model: string
  readonly tier?: string | null
  readonly inputTokens?: bigint
  readonly cachedInputTokens?: bigint
  readonly cacheWriteTokens?: bigint
  readonly longCacheWriteTokens?: bigint
  readonly outputTokens?: bigint
  readonly reasoningTokens?: bigint
  readonly otherTokens?: Readonly<Record<string, bigint>>
  readonly requests: bigint
  readonly cost?: UsageRecord['cost'] | undefined
  readonly tags?: Readonly<Record<string, string>>
  readonly key?: string | null
  readonly user?: string | null
}

/** Holds to every limit. @throws {LineFault} */
export function usageRecord(raw: RawUsage, now: number): UsageRecord {
  if (!(raw.at >= AT_MIN && raw.at <= now + AHEAD_MS_MAX)) {
    throw wrongField('time', 'before 2020 or in the future')
  }
  return {
    id: boundedId(raw.id),
    at: raw.at,
    provider: label('provider', raw.provider.toLowerCase()),
    model: label('model', raw.model),
    tier: tierOf(raw.tier),
    ...tokensOf(raw),
    otherTokens: othersOf(raw.otherTokens ?? {}),
    requests: raw.requests,
    cost: raw.cost ?? null,
    tags: tagsOf(raw.tags ?? {}),
    key: optionalLabel(raw.key),
    user: optionalLabel(raw.user),
  }
}

function tokensOf(raw: RawUsage) {
  const { inputTokens = 0n, cachedInputTokens = 0n, outputTokens = 0n, reasoningTokens = 0n } = raw
  const { cacheWriteTokens = 0n, longCacheWriteTokens = 0n } = raw
  for (const count of [inputTokens, outputTokens, raw.requests]) {
    if (count < 0n || count > TOKENS_MAX) throw wrongField('tokens', 'below zero or above 10^15')
  }
  if (
    cachedInputTokens + cacheWriteTokens > inputTokens ||
    longCacheWriteTokens > cacheWriteTokens
  ) {
    throw wrongField('input tokens', 'fewer than were read from and written to a cache')
  }
  if (reasoningTokens > outputTokens) throw wrongField('output tokens', 'fewer than for reasoning')
  return {
    inputTokens,
    cachedInputTokens,
    cacheWriteTokens,
    longCacheWriteTokens,
    outputTokens,
    reasoningTokens,
  }
}

/** Names that providers have for what is usual. */
const USUAL_TIERS = ['default', 'standard', 'auto', 'on_demand']

function tierOf(tier: string | null | undefined): string {
  const name = tier?.trim().toLowerCase() ?? ''
  return name === '' || USUAL_TIERS.includes(name) ? '' : label('tier', name)
}

/** Of everything that a record has, in one order; what is empty is left out, so that fields can be added later. */
export function digestOf(record: UsageRecord): string {
  const sorted = (value: object) =>
    Object.entries(value)
      .filter(([, part]) => part !== '' && part !== null && part !== 0n)
      .sort(([a], [b]) => (a < b ? -1 : 1))
  const { otherTokens, tags, ...rest } = record
  const parts = [sorted(rest), sorted(otherTokens), sorted(tags)]
  return hash(
    JSON.stringify(parts, (_key, value) => (typeof value === 'bigint' ? `${value}` : value)),
  )
}

/** An id for what has none of its own: of all that tells it from others, and of nothing that may be corrected. */
export const idOf = (...parts: readonly (ExactJson | number | undefined)[]): string =>
  hash(JSON.stringify(parts.map((part) => part ?? null)))

/** A whole number of tokens or requests; absent and null are none. @throws {LineFault} */
export function countOf(field: string, value: ExactJson | undefined): bigint {
  if (value === undefined || value === null || value === '') return 0n
  const text = typeof value === 'string' ? value.trim() : ''
  if (isDecimalComma(text)) throw decimalComma(field)
  const { units, scale } = parseDecimal(text) ?? { units: -1n, scale: 0 }
  if (units < 0n) throw wrongField(field, 'not a count')
  // Decimals are kept without zeros at their ends.
  if (scale > 0) throw wrongField(field, 'not a whole number')
  if (units > TOKENS_MAX) throw wrongField(field, 'above 10^15')
  return units
}

/** @returns the exact amount, without an exponent or zeros at its end. @throws {LineFault} */
export const amountOf = (field: string, value: ExactJson | undefined): string =>
  format(amount(field, value))

/** As `amountOf`, with as many decimals as were written. @throws {LineFault} */
export function amountText(field: string, value: ExactJson | undefined): string {
  const exact = amountOf(field, value)
  const text = typeof value === 'string' ? value.trim() : ''
  return /^-?\d+(?:\.\d+)?$/u.test(text) ? text : exact
}

function amount(field: string, value: ExactJson | undefined): Decimal {
  const text = typeof value === 'string' ? value.trim() : ''
  if (isDecimalComma(text)) throw decimalComma(field)
  const exact = parseDecimal(text)
  if (exact === undefined) throw wrongField(field, 'not a decimal number')
  if (exact.scale > DECIMALS_MAX || exact.units.toString().length > DIGITS_MAX) {
    throw wrongField(field, `more than ${DIGITS_MAX} digits, or ${DECIMALS_MAX} decimals`)
  }
  return exact
}

/** @returns `undefined` where it is no number, or one that no price has */
export function parseDecimal(text: string): Decimal | undefined {
  try {
    return decimal(text)
  } catch {
    return undefined
  }
}

/** ISO 4217. @throws {LineFault} */
export function currencyOf(value: ExactJson | undefined): string {
  const text = typeof value === 'string' ? value.trim().toUpperCase() : ''
  if (!/^[A-Z]{3}$/u.test(text)) throw wrongField('currency', 'not a code of three letters')
  return text
}

/** ISO 8601; without a zone it is UTC. @throws {LineFault} */
export function timeOf(field: string, value: ExactJson | undefined): number {
  const text = typeof value === 'string' ? value.trim() : ''
  const match =
    /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)\s?(Z|[+-]\d\d:?\d\d)?( UTC)?)?$/u.exec(
      text,
    )
  if (match === null) throw wrongField(field, 'not a time as ISO 8601 writes it')
  const [, day = '', time = '00:00', zone = 'Z'] = match
  const [clock = '', fraction = ''] = time.split('.')
  const ms = fraction === '' ? '' : `.${fraction.slice(0, 3)}`
  const at = Date.parse(`${day}T${clock}${ms}${zone.replace(/^([+-]\d\d)(\d\d)$/u, '$1:$2')}`)
  if (Number.isNaN(at)) throw wrongField(field, 'not a time as ISO 8601 writes it')
  return at
}

/** A text that must be there. @throws {LineFault} */
export function textOf(field: string, value: ExactJson | undefined): string {
  if (typeof value !== 'string' || value.trim() === '') throw wrongField(field, 'missing')
  return value.trim()
}

export const optionalText = (value: ExactJson | undefined): string | null =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : null

/** Texts of an object, as tags; what is no text is left out. */
export function textsOf(value: ExactJson | undefined): Record<string, string> {
  if (!isObject(value)) return {}
  const texts = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Object.fromEntries(texts)
}

const isDecimalComma = (text: string): boolean => /^-?\d+(?:\.\d{3})*,\d+$/u.test(text)

const decimalComma = (field: string): LineFault =>
  new LineFault(
    'HANSE_IMPORT_DECIMAL_COMMA',
    `${field}: a comma in a number; write a decimal point, and no separators of thousands`,
  )

const hash = (text: string): string =>
  createHash('sha256').update(text).digest('base64url').slice(0, 32)

/** Long ones are hashed: an id is a key of the database. */
function boundedId(id: string): string {
  if (id === '') throw wrongField('id', 'missing')
  return id.length <= ID_MAX && isPlain(id) ? id : `sha256:${hash(id)}`
}

/** Control characters are in no name; PostgreSQL takes no NUL in a text at all. */
const isPlain = (text: string): boolean => !/\p{Cc}|\p{Cs}/u.test(text)

function label(field: string, text: string): string {
  if (isLabel(text)) return text.trim()
  throw wrongField(field, `must have 1 to ${LABEL_MAX} plain characters`)
}

function isLabel(text: string): boolean {
  const trimmed = text.trim()
  return trimmed !== '' && trimmed.length <= LABEL_MAX && isPlain(trimmed)
}

/** What is no plain label is left out: usage counts without it. */
const optionalLabel = (text: string | null | undefined): string | null =>
  text !== null && text !== undefined && isLabel(text) ? text.trim() : null

function othersOf(kinds: Readonly<Record<string, bigint>>): Record<string, string> {
  const entries = Object.entries(kinds).filter(([, count]) => count > 0n)
  if (entries.length > OTHER_KINDS_MAX) throw wrongField('tokens', 'too many kinds')
  return Object.fromEntries(
    entries.map(([kind, count]) => [label('kind of tokens', kind), `${count}`]),
  )
}

/** The first eight by name; what is no plain label is left out, as above. */
function tagsOf(tags: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(tags)
    .filter(([name, value]) => isLabel(name) && !name.includes('=') && isLabel(value))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    entries.slice(0, TAGS_MAX).map(([name, value]) => [name.trim(), value.trim()]),
  )
}
