import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { USAGE_GROUPS } from '../usage/usage-query.ts'
import type { UsageQuery, UsageRow } from '../usage/usage-store.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { money, wholeHour } from './schemas.ts'
import { checkKept, filtersOf, usageFilters } from './usage-filters.ts'

const security = [{ key: [] }]
const HOUR_MS = 3_600_000
/** 90 days by the hour are two pages. */
const PAGE_MAX = 2_000
/** Five years: what is older was rolled up all the same, and is asked for year by year. */
const RANGE_MS_MAX = 5 * 366 * 24 * HOUR_MS

const query = z
  .strictObject({
    from: wholeHour,
    to: wholeHour,
    group: z.enum(USAGE_GROUPS).default('day'),
    ...usageFilters,
    after: z.string().max(256).optional(),
    limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(1_000),
  })
  .refine(({ from, to }) => from < to && to - from <= RANGE_MS_MAX, {
    error: '`to` must be after `from`, by five years at most',
  })

const response = {
  200: z.object({
    usage: z.array(
      z.object({
        key: z.string(),
        sessions: money,
        inputTokens: money,
        cachedInputTokens: money,
        outputTokens: money,
        amount: money,
        fee: money,
      }),
    ),
    next: z.string().nullable(),
  }),
}

const description =
  'Sums by hour, day, model, provider, country, key, member, tag or end user, of all or of what the filters name. What has several tags ' +
  'counts under each of them; the empty key is what has none, or is not known. A session counts in the hour in which it was accepted, from some ' +
  'seconds after it was settled; `from` and `to` are whole hours in UTC, `to` is not included.'

/** What was used and what it cost. */
export function usageRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  app.get(
    '/v1/usage',
    {
      config: { permission: 'usage:read' },
      schema: { security, description, querystring: query, response },
    },
    async (request) => {
      const { organization } = principal(request)
      const selection = asked(request.query)
      await checkKept(store, selection, now())
      return answer(request.query, await store.usage({ organization, ...selection }))
    },
  )

  app.get(
    '/v1/admin/usage',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description: `${description} Of one organization, or of all together.`,
        querystring: query.safeExtend({ organization: z.string().max(64).optional() }),
        response,
      },
    },
    async (request) => {
      const { organization } = request.query
      const whose = organization === undefined ? {} : { organization }
      const selection = asked(request.query)
      await checkKept(store, selection, now())
      return answer(request.query, await store.usage({ ...whose, ...selection }))
    },
  )
}

const asked = ({
  from,
  to,
  group,
  after,
  limit,
  ...filters
}: z.output<typeof query>): UsageQuery => ({
  from,
  to,
  group,
  limit,
  filters: filtersOf(filters),
  ...(after !== undefined && { after }),
})

function answer({ limit }: { limit: number }, usage: UsageRow[]) {
  const last = usage.length < limit ? undefined : usage.at(-1)
  return { usage, next: last?.key ?? null }
}
