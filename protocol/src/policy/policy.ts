import { z } from 'zod'
import { parsePrice } from '../money.ts'
import { EVIDENCE_KINDS } from '../region/attestation.ts'
import { isCountryCode } from '../region/countries.ts'
import { parseHours } from './hours.ts'
import { isTimeZone } from './local-time.ts'
import { scopeSchema } from './scope.ts'

/** A document is read before each request: so many rules take a few microseconds. */
const RULES_MAX = 100
const LIST_MAX = 64
const TEXT_MAX = 128
const TOKENS_MAX = 10_000_000

const text = z.string().min(1).max(TEXT_MAX)
const list = z.array(text).max(LIST_MAX)

/** Checked as text and kept as text, so that a document that was read can be read again. */
const price = text.refine((given) => passes(() => parsePrice(given)), {
  error: 'not a price in euro per million tokens, such as "0.50"',
})

export const policyRuleSchema = z.strictObject({
  name: z.string().min(1).max(100),
  /** Whom it is about; everybody in the organization without. */
  for: scopeSchema.default({}),
  /** Only these, with `*` for any part of a name; any when absent. */
  models: list.min(1).optional(),
  /** None of these, whatever else allows them. */
  denyModels: list.min(1).optional(),
  /** Only where these are: EU, EEA or country codes. */
  regions: z
    .array(
      z.string().refine((code) => code === 'EU' || code === 'EEA' || isCountryCode(code), {
        error: 'not EU, EEA or a country code',
      }),
    )
    .min(1)
    .max(LIST_MAX)
    .optional(),
  /** Least evidence of location: 1 its own word, 2 its network or round trips, 3 a payout account, 4 documents. */
  minLevel: z.int().min(1).max(4).optional(),
  /** Kinds of evidence of location, each of which there must be. */
  evidence: z.array(z.enum(EVIDENCE_KINDS)).min(1).max(EVIDENCE_KINDS.length).optional(),
  /** Such as `mon-fri 08:00-18:00`, in the time zone of the document. */
  hours: z
    .array(
      text.refine((given) => parseHours(given) !== undefined, {
        error: 'not hours such as "mon-fri 08:00-18:00"',
      }),
    )
    .min(1)
    .max(LIST_MAX)
    .optional(),
  /** Euro per million tokens. */
  maxInputPrice: price.optional(),
  maxOutputPrice: price.optional(),
  /** Of one answer. */
  maxTokens: z.int().min(1).max(TOKENS_MAX).optional(),
  /** Each of them must be among the tags of a request; `project:*` takes any that begins so. */
  requiredTags: list.min(1).optional(),
})
export type PolicyRule = z.output<typeof policyRuleSchema>

/** What an organization allows: a request must pass each rule that is about it. */
export const usagePolicySchema = z.strictObject({
  version: z.literal(1),
  /** The organization's own when absent. */
  timeZone: z.string().refine(isTimeZone, { error: 'not a known time zone' }).optional(),
  rules: z.array(policyRuleSchema).max(RULES_MAX),
})
export type UsagePolicy = z.output<typeof usagePolicySchema>

function passes(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}
