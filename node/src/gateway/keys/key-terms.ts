import { fitsPattern, isCountryCode, type PicoEuro, picoEuro } from '@hanse/protocol'
import { z } from 'zod'
import { PERIODS, type Period } from './period.ts'

/** What the owner of a key may do with it. */
export interface KeyTerms {
  /** Pico-euro a period; `null` sets no limit. */
  readonly budget: PicoEuro | null
  readonly period: Period
  readonly requestsPerMinute: number | null
  readonly tokensPerMinute: number | null
  readonly parallel: number | null
  /** Names of models, with `*` for any part of one; any model when empty. */
  readonly models: readonly string[]
  /** EU, EEA, country codes; the node’s own regions when empty. */
  readonly regions: readonly string[]
  /** Pico-euro per token. */
  readonly maxInputPrice: PicoEuro | null
  readonly maxOutputPrice: PicoEuro | null
  /** Most tokens of one answer; also what is reserved for a request without max_tokens. */
  readonly maxOutputTokens: number | null
  /** Added to the tags of each request. */
  readonly tags: readonly string[]
  /** Milliseconds since 1970. */
  readonly expiresAt: number | null
  readonly disabled: boolean
}

/** So that a key fits in one request of the owner’s, and no list has to be searched for long. */
const MODELS_MAX = 64
const PATTERN_CHARS_MAX = 128
const REGIONS_MAX = 64
/** As many as a request may have. */
export const TAGS_MAX = 16
const TAG_CHARS_MAX = 64
/** A thousand requests a second are what one gateway serves. */
const RATE_MAX = 1_000_000_000

const amount = z
  .union([z.bigint(), z.string().regex(/^\d{1,24}$/u, 'must be pico-euro, decimal digits')])
  .transform((digits): PicoEuro => picoEuro(BigInt(digits)))
const count = z.number().int().min(1).max(RATE_MAX)

const region = z
  .string()
  .refine(
    (text) => text === 'EU' || text === 'EEA' || isCountryCode(text),
    'must be EU, EEA or a country code',
  )

const fields = {
  budget: amount.nullable(),
  period: z.enum(PERIODS),
  requestsPerMinute: count.nullable(),
  tokensPerMinute: count.nullable(),
  parallel: count.nullable(),
  models: z.array(z.string().min(1).max(PATTERN_CHARS_MAX)).max(MODELS_MAX),
  regions: z.array(region).max(REGIONS_MAX),
  maxInputPrice: amount.nullable(),
  maxOutputPrice: amount.nullable(),
  maxOutputTokens: count.nullable(),
  tags: z.array(z.string().min(1).max(TAG_CHARS_MAX)).max(TAGS_MAX),
  expiresAt: z.number().int().nonnegative().nullable(),
  disabled: z.boolean(),
}

/** Terms as JSON has them: amounts as digits. */
export const keyTermsSchema: z.ZodType<KeyTerms, unknown> = z.strictObject(fields)

/** Some of them, to change a key by. */
export const keyChangesSchema: z.ZodType<Partial<KeyTerms>, unknown> = z
  .strictObject(fields)
  .partial()
  .transform(
    (given) =>
      Object.fromEntries(
        Object.entries(given).filter(([, value]) => value !== undefined),
      ) as Partial<KeyTerms>,
  )

/** What a key may do for which nothing was said. */
export const OPEN_TERMS: KeyTerms = {
  budget: null,
  period: 'month',
  requestsPerMinute: null,
  tokensPerMinute: null,
  parallel: null,
  models: [],
  regions: [],
  maxInputPrice: null,
  maxOutputPrice: null,
  maxOutputTokens: null,
  tags: [],
  expiresAt: null,
  disabled: false,
}

export function printTerms(terms: KeyTerms): string {
  return JSON.stringify(terms, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
}

export function readTerms(text: string): KeyTerms {
  return keyTermsSchema.parse(JSON.parse(text))
}

/** Whether the terms allow a model. Names of models are told apart by letters, not by their case. */
export function allowsModel({ models }: Pick<KeyTerms, 'models'>, model: string): boolean {
  return models.length === 0 || models.some((pattern) => fitsPattern(pattern, model))
}
