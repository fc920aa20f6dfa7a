import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { decimalOf, format } from '../costs/decimal.ts'
import { askWhatIf, DAYS_ERROR, day, isDays, whatIfSchema } from '../costs/what-if-request.ts'
import { USAGE_DIMENSIONS } from '../usage/usage-query.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { decimalText, wholeText } from './decimal-schemas.ts'
import { checkKept, filtersOf, usageFilters } from './usage-filters.ts'

const security = [{ key: [] }]
const PAGE_MAX = 2_000
const PICO = 12

const counts = {
  sessions: wholeText,
  inputTokens: wholeText,
  cachedInputTokens: wholeText,
  outputTokens: wholeText,
}
const costs = { ...counts, amount: decimalText, fee: decimalText }

const costsQuery = z
  .strictObject({
    from: day,
    to: day.describe('not included'),
    group: z.enum(USAGE_DIMENSIONS).default('model'),
    ...usageFilters,
    after: z
      .string()
      .regex(/^\d{4}-\d{2}-\d{2} .{0,256}$/u)
      .optional()
      .describe('the `next` of the page before'),
    limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(500),
  })
  .refine(isDays, DAYS_ERROR)

const costsSchema = z.object({
  currency: z.literal('EUR'),
  costs: z.array(
    z.object({
      day: z.string(),
      key: z.string().describe('the value of what it is grouped by; empty is what has none'),
      model: z.string().optional().describe('the same, where it is grouped by model'),
      ...costs,
    }),
  ),
  total: z.object(costs),
  next: z.string().nullable(),
})

const whatIfAnswer = z.object({
  rows: z.array(
    z.object({
      day: z.string().nullable(),
      model: z.string().nullable(),
      pricedAs: z.string().nullable(),
      ...counts,
      currency: z.string(),
      cost: decimalText,
      actual: decimalText,
    }),
  ),
  totals: z.array(z.object({ currency: z.string(), cost: decimalText, rounded: decimalText })),
  actual: decimalText,
  difference: z.object({ amount: decimalText, percent: decimalText.nullable() }).nullable(),
  leftOut: z.array(z.object({ model: z.string(), actual: decimalText })),
  versions: z.array(z.string()),
})

const description =
  'What real usage would have cost by a rate card: elsewhere, by negotiated prices, or by another version of the same card. ' +
  'Nothing is ever taken for free: a model without a price is refused, or left out and named. Tiers, allowances and minimum ' +
  'charges are of a calendar month; days are shares of it that add up. Costs are decimal strings, exact to the last digit; ' +
  '`rounded` is what they are in whole cents. Conversion is by the rates that are sent, and no others.'

/** What was paid, and what it would have been elsewhere. */
export function costRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  app.get(
    '/v1/costs',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        description:
          'What was paid by day and model, provider, country, key, member or tag, in euro, of all or of what the filters name; `fee` is ' +
          'what of it the platform kept. What has several tags counts under each, and once in the total. Amounts are decimal strings, exact to ' +
          'the last digit. Days are in UTC; `total` is of all of them, not of the page.',
        querystring: costsQuery,
        response: { 200: costsSchema },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { from, to, group, after, limit, ...filters } = request.query
      const days = { organization, from, to, group, filters: filtersOf(filters) }
      await checkKept(store, days, now())
      const page = { ...days, limit, ...(after !== undefined && { after: cursorOf(after) }) }
      const [found, total] = await Promise.all([store.usageByDayAnd(page), store.usageSum(days)])
      const last = found.length < limit ? undefined : found.at(-1)
      return {
        currency: 'EUR' as const,
        costs: found.map(({ day, key, ...sums }) => ({
          day,
          key,
          ...(group === 'model' && { model: key }),
          ...told(sums),
        })),
        total: told(total),
        next: last === undefined ? null : `${last.day} ${last.key}`,
      }
    },
  )

  app.post(
    '/v1/costs/what-if',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        description,
        body: whatIfSchema.refine(isDays, DAYS_ERROR),
        response: { 200: whatIfAnswer },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      return toJson(await askWhatIf(context, organization, request.body))
    },
  )

  app.post(
    '/v1/admin/costs/what-if',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description: `${description} Of one organization, with its own cards.`,
        body: whatIfSchema.extend({ organization: z.string().max(64) }).refine(isDays, DAYS_ERROR),
        response: { 200: whatIfAnswer },
      },
    },
    async ({ body: { organization, ...asked } }) =>
      toJson(await askWhatIf(context, organization, asked)),
  )
}

const cursorOf = (after: string) => ({ day: after.slice(0, 10), key: after.slice(11) })

const toJson = (answer: Awaited<ReturnType<typeof askWhatIf>>): z.output<typeof whatIfAnswer> =>
  structuredClone(answer) as z.output<typeof whatIfAnswer>

type Sums = Record<'sessions' | 'inputTokens' | 'cachedInputTokens' | 'outputTokens', bigint> &
  Record<'amount' | 'fee', bigint>

const told = ({ sessions, inputTokens, cachedInputTokens, outputTokens, amount, fee }: Sums) => ({
  sessions: sessions.toString(),
  inputTokens: inputTokens.toString(),
  cachedInputTokens: cachedInputTokens.toString(),
  outputTokens: outputTokens.toString(),
  amount: format(decimalOf(amount, PICO)),
  fee: format(decimalOf(fee, PICO)),
})
