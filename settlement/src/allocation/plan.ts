import { z } from 'zod'

/** A rule for each team and product of a large organization. */
export const RULES_MAX = 200
const CENTRES_MAX = 200
/** As names of keys and tags are. */
const NAME_MAX = 64
/** Parts per million are finer than anybody agrees on. */
const SHARE_MAX = 1_000_000

const name = z
  .string()
  .trim()
  .min(1)
  .max(NAME_MAX)
  .regex(/^\P{Cc}+$/u)
const centre = name.describe('a cost centre')
const pattern = z
  .string()
  .max(256)
  .regex(/^\P{Cc}*$/u)
  .describe('`*` stands for any text; empty is what has none')

/** Everything that is named must fit; nothing named fits everything. */
const condition = z.strictObject({
  tag: pattern.optional(),
  key: pattern.optional(),
  member: pattern.optional(),
  model: pattern.optional(),
  source: pattern
    .optional()
    .describe('where it was bought: `hanse`, or what was named when it was imported'),
})
export type Condition = z.output<typeof condition>

const share = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('even'), centres: z.array(centre).min(1).max(CENTRES_MAX) }),
  z.strictObject({
    by: z.literal('fixed'),
    shares: z
      .record(centre, z.int().min(1).max(SHARE_MAX))
      .refine(hasCentres, { error: `name 1 to ${CENTRES_MAX} cost centres` }),
  }),
  z
    .strictObject({
      by: z.literal('direct'),
      centres: z.array(centre).min(1).max(CENTRES_MAX).optional(),
    })
    .describe(
      'in proportion to what cost centres spent themselves; all of them where none is named',
    ),
])
export type Share = z.output<typeof share>

const rule = z.union([
  z.strictObject({ name, when: condition, to: centre }),
  z.strictObject({ name, when: condition, share }),
])
export type AllocationRule = z.output<typeof rule>

/** In their order: the first that fits has it. */
export const rulesSchema = z
  .array(rule)
  .max(RULES_MAX)
  .refine((rules) => new Set(rules.map((one) => one.name)).size === rules.length, {
    error: 'each rule needs a name of its own',
  })

/** A plan as it is stored. */
export interface AllocationPlan {
  readonly version: number
  /** The first month that it counts for, such as `2026-11`. */
  readonly effectiveFrom: string
  readonly rules: readonly AllocationRule[]
  readonly createdBy: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

function hasCentres(shares: Record<string, number>): boolean {
  const { length } = Object.keys(shares)
  return length > 0 && length <= CENTRES_MAX
}
