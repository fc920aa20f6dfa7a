import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { ratesOf } from '../imports/card-rates.ts'
import { spendRows } from '../imports/spend.ts'
import { SPEND_GROUPS } from '../imports/spend-query.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { money, wholeHour } from './schemas.ts'

const security = [{ key: [] }]
const HOUR_MS = 3_600_000
const PAGE_MAX = 1_000
/** What has no reported cost is rated when it is asked for, day by day: a year of it. */
const RANGE_MS_MAX = 366 * 24 * HOUR_MS

const query = z
  .strictObject({
    from: wholeHour,
    to: wholeHour,
    group: z.enum(SPEND_GROUPS).default('day'),
    source: z.string().max(64).optional(),
    after: z.string().max(300).optional(),
    limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(500),
  })
  .refine(({ from, to }) => from < to && to - from <= RANGE_MS_MAX, {
    error: '`to` must be after `from`, by a year at most',
  })

const cost = z.object({
  currency: z.string(),
  basis: z.enum(['settled', 'reported', 'rated']),
  amount: z.string(),
})

/** All that an organization uses, wherever it was bought. */
export function spendRoutes(app: App, context: SettlementContext): void {
  const { store } = context
  app.get(
    '/v1/spend',
    {
      config: { permission: ['usage:read', 'costs:read'] },
      schema: {
        security,
        description:
          'Settled sessions of the network (source `hanse`) and usage that was imported, together, by hour, day, model, ' +
          'provider, source or tag. What has several tags counts under each of them, what has none under the empty key; a ' +
          'tag `team` with the value `web` is `team:web`, wherever it is from. ' +
          'Costs are exact decimals, by currency: `settled`, `reported` by the seller, or `rated` by price tables. What ' +
          'has none of them is `unrated`, never 0. `from` and `to` are whole hours in UTC, `to` is not included.',
        querystring: query,
        response: {
          200: z.object({
            spend: z.array(
              z.object({
                key: z.string(),
                requests: money,
                inputTokens: money,
                cachedInputTokens: money,
                cacheWriteTokens: money,
                outputTokens: money,
                reasoningTokens: money,
                costs: z.array(cost).readonly(),
                unrated: z.object({
                  requests: money,
                  inputTokens: money,
                  outputTokens: money,
                  models: z.array(z.string()).readonly(),
                }),
              }),
            ),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      principal(request)
      const { source, after, ...asked } = request.query
      const cells = await store.spendCells({
        organization,
        ...asked,
        ...(source !== undefined && { source }),
        ...(after !== undefined && { after }),
      })
      const spend = spendRows(cells, await ratesOf(store, organization, cells))
      const last = spend.length < asked.limit ? undefined : spend.at(-1)
      return { spend, next: last?.key ?? null }
    },
  )
}
