import { z } from 'zod'
import { answerWhatIf, ratesOf, WHAT_IF_GROUPS, type WhatIfAnswer } from './answer-what-if.ts'
import { amountText, cardName, currency, modelName } from './card-format.ts'
import { type WhatIf, whatIf } from './what-if.ts'

const DAY_MS = 86_400_000
/** A year, and a day where it is longer. */
export const DAYS_MAX = 366
const MODELS_MAX = 500
const RATES_MAX = 1_000

/** The beginning of a day in UTC. */
export const day = z.iso.date().transform((text) => Date.parse(`${text}T00:00:00Z`))

export const isDays = ({ from, to }: { readonly from: number; readonly to: number }): boolean =>
  from < to && to - from <= DAYS_MAX * DAY_MS
export const DAYS_ERROR = { error: '`to` must be after `from`, by a year at most' }

/** What is asked of past usage. */
export const whatIfSchema = z.strictObject({
  from: day,
  to: day.describe('not included'),
  card: cardName.describe('the organization’s own card of this name, then the platform’s'),
  version: z
    .int()
    .min(1)
    .optional()
    .describe('this version on every day; the one in force on each when not given'),
  models: z
    .record(modelName, modelName)
    .refine((models) => Object.keys(models).length <= MODELS_MAX)
    .default({})
    .describe('what each model is called on the card; others are looked up by their own name'),
  leaveOut: z
    .boolean()
    .default(false)
    .describe('leave out models without a price, and name them, instead of refusing'),
  currency: currency.optional().describe('to convert into; that of the card when not given'),
  rates: z
    .array(
      z.strictObject({
        from: currency,
        to: currency,
        date: z.iso.date(),
        rate: amountText.describe('one unit of `from` in units of `to`, a decimal string'),
      }),
    )
    .max(RATES_MAX)
    .default([]),
  batch: z.boolean().default(false).describe('as if all of it had been batches'),
  group: z.enum(WHAT_IF_GROUPS).default('day-model'),
})
export type WhatIfRequest = z.output<typeof whatIfSchema>

/** @throws {SettlementError} as `whatIf` does */
export async function askWhatIf(
  context: Parameters<typeof whatIf>[0],
  organization: string,
  { group, rates, version, currency: into, ...asked }: WhatIfRequest,
): Promise<WhatIfAnswer> {
  const request: WhatIf = {
    ...asked,
    organization,
    rates: ratesOf(rates),
    ...(version !== undefined && { version }),
    ...(into !== undefined && { currency: into }),
  }
  return answerWhatIf(await whatIf(context, request), group)
}
