import { z } from 'zod'
import { compare, decimal, ZERO } from './decimal.ts'

/** LiteLLM's list of all providers has some 2,500 models. */
const MODELS_MAX = 10_000
/** No model is priced by more than some dozen things. */
const KINDS_MAX = 64
const TIERS_MAX = 32

/** A decimal number of 0 or more; numbers of JSON have become texts by `parseExactJson`. */
export const amountText = z.string().refine(isAmount, { error: 'not a decimal number, 0 or more' })
const kind = z.string().regex(/^[a-z0-9][\w -]{0,63}$/u, { error: 'not a name of a kind' })
const date = z.iso.date()
/** Powers of ten only: then a price for one unit has finitely many digits. */
const per = z.enum(['1', '1000', '1000000'])

const kindPrice = z.union([
  amountText,
  z.strictObject({ price: amountText, per: per.optional(), free: amountText.optional() }),
  z.strictObject({
    mode: z.enum(['graduated', 'volume']),
    tiers: z
      .array(z.strictObject({ upTo: amountText.nullable(), price: amountText }))
      .min(1)
      .max(TIERS_MAX)
      .refine(isAscending, { error: 'tiers must ascend, and only the last one has no end' }),
    per: per.optional(),
    free: amountText.optional(),
  }),
])
export type CardPrice = z.output<typeof kindPrice>

const kindPrices = <Value extends z.ZodType>(value: Value) =>
  z.record(kind, value).refine((prices) => Object.keys(prices).length <= KINDS_MAX)

const model = z
  .strictObject({
    /** How many units the prices are for. */
    per: per.default('1000000'),
    prices: kindPrices(kindPrice).refine((prices) => Object.keys(prices).length > 0, {
      error: 'there is no price',
    }),
    billedAs: kindPrices(kind).default({}),
    promptTiers: z
      .array(z.strictObject({ above: amountText, prices: kindPrices(amountText) }))
      .max(TIERS_MAX)
      .default([]),
    batch: z
      .strictObject({ multiplier: amountText, prices: kindPrices(amountText).default({}) })
      .optional(),
    minimum: amountText.optional(),
    note: z.string().max(500).optional(),
  })
  .superRefine(({ prices, billedAs, promptTiers, batch }, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', message })
    const isFlat = (name: string) => {
      const price = prices[name]
      return typeof price === 'string' || (price !== undefined && 'price' in price && !price.free)
    }
    for (const [name, as] of Object.entries(billedAs)) {
      if (prices[name] !== undefined) refuse(`${name} has a price, and is billed as ${as}`)
      if (prices[as] === undefined) refuse(`${name} is billed as ${as}, which has no price`)
    }
    for (const name of promptTiers.flatMap((tier) => Object.keys(tier.prices))) {
      if (!isFlat(name)) refuse(`${name} has a prompt tier, so its usual price must be flat`)
      if (batch?.prices[name] !== undefined) {
        refuse(`${name} has prompt tiers, so its batch price must be a share of them`)
      }
    }
    for (const name of Object.keys(batch?.prices ?? {})) {
      if (prices[name] === undefined) refuse(`${name} has a batch price and no usual one`)
    }
    if (!promptTiers.every((tier) => isAmount(tier.above))) return
    const above = promptTiers.map((tier) => decimal(tier.above))
    if (above.some((value, i) => i > 0 && compare(above[i - 1] ?? ZERO, value) >= 0)) {
      refuse('prompt tiers must ascend')
    }
  })
export type CardModel = z.output<typeof model>

/** What a rate card is called: the same for all of its versions. */
export const cardName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/u, {
  error: 'not lower-case letters, digits and hyphens',
})
export const modelName = z.string().min(1).max(256)
export const currency = z.string().regex(/^[A-Z]{3}$/u, { error: 'not a currency of ISO 4217' })

/** A rate card as a file. */
export const rateCardSchema = z
  .strictObject({
    format: z.literal('hanse-rate-card/1'),
    card: cardName,
    publisher: z.string().min(1).max(100),
    currency,
    effectiveFrom: date,
    /** Not included. */
    effectiveTo: date.nullable().default(null),
    /** Where the prices are from. */
    source: z.string().min(1).max(500),
    /** When somebody looked. */
    retrieved: date,
    /** Whether they were compared with what the provider publishes. */
    verified: z.boolean(),
    note: z.string().max(2000).default(''),
    models: z
      .record(modelName, model)
      .refine((models) => Object.keys(models).length <= MODELS_MAX, { error: 'too many models' }),
  })
  .refine(({ effectiveFrom, effectiveTo }) => effectiveTo === null || effectiveFrom < effectiveTo, {
    error: 'it ends before it begins',
  })
export type RateCard = z.output<typeof rateCardSchema>

function isAmount(text: string): boolean {
  try {
    return decimal(text).units >= 0n
  } catch {
    return false
  }
}

function isAscending(tiers: readonly { readonly upTo: string | null }[]): boolean {
  return tiers.every(({ upTo }, i) => {
    if (upTo === null) return i === tiers.length - 1
    const before = i === 0 ? '0' : (tiers[i - 1]?.upTo ?? null)
    if (i === tiers.length - 1 || before === null || !isAmount(upTo) || !isAmount(before))
      return false
    return compare(decimal(before), decimal(upTo)) < 0
  })
}
