import { z } from 'zod'
import { type PicoEuro, picoEuro } from '../money.ts'
import { scopeSchema } from './scope.ts'
import { windowSchema } from './window.ts'

/** As many as a person keeps apart. */
const THRESHOLDS_MAX = 10
/** A threshold beyond the amount says how far over it one is; a stop beyond twice of it is a mistake. */
const PERCENT_MAX = 200
const NAME_MAX = 100
const RATE_MAX = 1_000_000

/** Pico-euro as decimal digits, for JSON numbers would round them. */
export const moneyText = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,36})$/u, { error: 'not whole pico-euro' })
  .transform((digits): PicoEuro => picoEuro(BigInt(digits)))

export const thresholdSchema = z
  .strictObject({
    /** Of the amount, with what was carried over. */
    percent: z.int().min(1).max(PERCENT_MAX),
    /** What is measured: what was spent, or what the forecast says will be by the end of the window. */
    on: z.enum(['spent', 'forecast']).default('spent'),
    action: z.enum(['notify', 'slow', 'stop']),
  })
  .refine(({ on, action }) => on === 'spent' || action === 'notify', {
    error: 'a forecast may be wrong: it notifies, and neither slows nor stops',
    path: ['action'],
  })
export type Threshold = z.output<typeof thresholdSchema>

/** What `slow` comes to, for everybody in the scope of the budget together, at each gateway. */
export const slowSchema = z
  .strictObject({
    requestsPerMinute: z.int().min(1).max(RATE_MAX).nullable().default(null),
    parallel: z.int().min(1).max(RATE_MAX).nullable().default(null),
  })
  .refine(({ requestsPerMinute, parallel }) => requestsPerMinute !== null || parallel !== null, {
    error: 'requestsPerMinute or parallel must be given',
  })

export const budgetTermsSchema = z
  .strictObject({
    name: z.string().min(1).max(NAME_MAX),
    scope: scopeSchema.default({}),
    amount: moneyText,
    window: windowSchema,
    thresholds: z
      .array(thresholdSchema)
      .max(THRESHOLDS_MAX)
      .default([{ percent: 100, on: 'spent', action: 'stop' }]),
    /** What was left of the window before, but no more than one amount, is added to this one. */
    carryOver: z.boolean().default(false),
    slow: slowSchema.nullable().default(null),
  })
  .refine(({ thresholds, slow }) => slow !== null || thresholds.every((t) => t.action !== 'slow'), {
    error: 'a threshold that slows needs `slow`',
    path: ['slow'],
  })
  .refine(({ carryOver, window }) => !carryOver || !['rolling', 'fixed'].includes(window.kind), {
    error: 'only days, weeks and months carry over',
    path: ['carryOver'],
  })
/** What an organization says of one of its budgets. */
export type BudgetRule = z.output<typeof budgetTermsSchema>

/** What may be spent up to a threshold, pico-euro; rounded down, so that a stop never lets more through. */
export function limitAt(percent: number, amount: bigint): bigint {
  return (amount * BigInt(percent)) / 100n
}

/** At which the budget stops: its lowest stop; `undefined` when it never does. */
export function stopLimit(
  rule: Pick<BudgetRule, 'thresholds'>,
  amount: bigint,
): bigint | undefined {
  const stops = rule.thresholds.filter(({ action }) => action === 'stop')
  return stops.length === 0
    ? undefined
    : limitAt(Math.min(...stops.map(({ percent }) => percent)), amount)
}

/** What a window has to spend, pico-euro. @param before what the window before it came to */
export function amountWith(rule: Pick<BudgetRule, 'amount' | 'carryOver'>, before: bigint): bigint {
  if (!rule.carryOver) return rule.amount
  const left = rule.amount - before
  return rule.amount + (left > 0n ? left : 0n)
}
