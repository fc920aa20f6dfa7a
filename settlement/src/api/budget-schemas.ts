import { budgetTermsSchema, isTimeZone, scopeSchema, windowSchema } from '@hanse/protocol'
import { z } from 'zod'
import { money } from './schemas.ts'

// Budgets as they are in JSON: money as digits, times in milliseconds since 1970.

const NAME_MAX = 64
/** Of one team. */
const KEYS_MAX = 1_000

export const budgetBody = budgetTermsSchema

export const crossing = z.object({
  measure: z.enum(['spent', 'forecast']),
  percent: z.number(),
  action: z.string(),
  at: z.number(),
})

export const budgetState = z.object({
  from: z.number(),
  to: z.number(),
  /** With what was carried over. */
  amount: money,
  spent: money,
  held: money,
  crossed: z.array(crossing),
  forecast: z.object({ total: money, exceedsOn: z.string().nullable() }).nullable(),
})

export const budgetJson = z.object({
  id: z.string(),
  name: z.string(),
  scope: scopeSchema,
  amount: money,
  window: windowSchema,
  thresholds: z.array(z.object({ percent: z.number(), on: z.string(), action: z.string() })),
  carryOver: z.boolean(),
  slow: z
    .object({ requestsPerMinute: z.number().nullable(), parallel: z.number().nullable() })
    .nullable(),
  createdBy: z.string(),
  createdAt: z.number(),
  updatedAt: z.number(),
  /** Null before and after a fixed window. */
  state: budgetState.nullable(),
})

export const budgetHistory = z.object({
  windows: z.array(z.object({ from: z.number(), to: z.number(), spent: money, held: money })),
})

export const teamBody = z.strictObject({
  keys: z.array(z.string().min(1).max(NAME_MAX)).max(KEYS_MAX),
})
export const teamJson = z.object({ name: z.string(), keys: z.array(z.string()) })

export const settingsJson = z.strictObject({
  timeZone: z.string().max(NAME_MAX).refine(isTimeZone, { error: 'not a known time zone' }),
})
