import { z } from 'zod'
import { rulesSchema } from '../allocation/plan.ts'
import { showback, showbackCsv } from '../allocation/showback.ts'
import type { SettlementContext } from '../context.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { decimalText, wholeText } from './decimal-schemas.ts'

const security = [{ key: [] }]
const PAGE_MAX = 100

const month = z
  .string()
  .regex(/^20\d\d-(?:0[1-9]|1[0-2])$/u, { error: 'a month such as 2026-11' })
  .describe('such as `2026-11`, in UTC')

const plan = z.object({
  version: z.number(),
  effectiveFrom: z.string(),
  rules: rulesSchema,
  createdBy: z.string(),
  createdAt: z.number(),
})

const centre = z.object({
  centre: z.string(),
  direct: decimalText,
  shared: decimalText,
  total: decimalText,
  sessions: wholeText,
})
const line = z.object({
  kind: z.enum(['direct', 'shared', 'unallocated']),
  centre: z.string().nullable(),
  rule: z.string().nullable(),
  source: z.string(),
  sessions: wholeText,
  amount: decimalText,
})
const part = z.object({
  currency: z.string(),
  total: decimalText,
  sessions: wholeText.describe('of the network, and requests of what was imported'),
  sources: z
    .array(z.object({ source: z.string(), sessions: wholeText, amount: decimalText }))
    .readonly()
    .describe('where it was bought: `hanse` is the network'),
  centres: z.array(centre).readonly(),
  unallocated: z.object({ total: decimalText, sessions: wholeText }),
  lines: z.array(line).readonly(),
  rules: z
    .array(z.object({ name: z.string(), sessions: wholeText, amount: decimalText }))
    .readonly(),
})
const report = part.extend({
  month: z.string(),
  plan: z.object({ version: z.number(), effectiveFrom: z.string() }).nullable(),
  otherCurrencies: z.array(part).readonly().describe('nothing is converted, or added up'),
  unrated: z
    .array(
      z.object({
        source: z.string(),
        requests: wholeText,
        inputTokens: wholeText,
        outputTokens: wholeText,
        models: z.array(z.string()).readonly(),
      }),
    )
    .readonly()
    .describe('imported usage without a price: in no sum'),
})

/** Which cost centre bears what. */
export function allocationRoutes(app: App, { store, now }: SettlementContext): void {
  app.get(
    '/v1/allocation-plans',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        description: 'Newest first',
        querystring: z.strictObject({
          before: z.coerce.number().int().min(1).max(2_000_000_000).optional(),
          limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(20),
        }),
        response: { 200: z.object({ plans: z.array(plan), next: z.number().nullable() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { before, limit } = request.query
      const found = await store.allocationPlans(organization, {
        limit,
        ...(before !== undefined && { before }),
      })
      const plans = found.map((one) => ({ ...one, rules: [...one.rules] }))
      return { plans, next: found.length < limit ? null : (found.at(-1)?.version ?? null) }
    },
  )

  app.post(
    '/v1/allocation-plans',
    {
      config: { permission: 'budgets:write' },
      schema: {
        security,
        description:
          'Rules that count from a month on, in their order: the first that fits has it. Of several plans for one month the last ' +
          'counts; none is ever changed, and reports say by which they were made.',
        body: z.strictObject({ effectiveFrom: month, rules: rulesSchema }),
        response: { 200: plan },
      },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      const added = await store.addAllocationPlan({
        organization,
        ...request.body,
        createdBy: actor,
        at: now(),
      })
      return { ...added, rules: [...added.rules] }
    },
  )

  app.post(
    '/v1/allocation-plans/dry-run',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        description:
          'What rules would make of a month, beside what counts for it. Nothing is kept.',
        body: z.strictObject({ month, rules: rulesSchema }),
        response: { 200: z.object({ tried: report, inForce: report }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { month: of, rules } = request.body
      const [tried, inForce] = await Promise.all([
        showback(store, organization, of, rules),
        showback(store, organization, of),
      ])
      return { tried, inForce }
    },
  )

  app.get(
    '/v1/showback',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        description:
          'What a month came to by cost centre, in the network and elsewhere, exact to the last digit: the amounts of `lines` are all ' +
          'that was spent, with what is not allocated. Here in euro, in `otherCurrencies` in every other. What was imported has ' +
          'its `source`; its costs are those of `GET /v1/spend`.',
        querystring: z.strictObject({ month }),
        response: { 200: report },
      },
    },
    async (request) => showback(store, principal(request).organization, request.query.month),
  )

  app.get(
    '/v1/exports/showback',
    {
      config: { permission: 'exports:read' },
      schema: {
        security,
        description:
          'The lines of `GET /v1/showback` for a spreadsheet: one for each rule, cost centre and source, in its currency.',
        querystring: z.strictObject({ month }),
        produces: ['text/csv'],
      },
    },
    async (request, reply) => {
      const { month: of } = request.query
      const made = await showback(store, principal(request).organization, of)
      return reply
        .type('text/csv; charset=utf-8')
        .header('content-disposition', `attachment; filename="showback-${of}.csv"`)
        .send(showbackCsv(made))
    },
  )
}
