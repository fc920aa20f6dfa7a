import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { MONTHS, publicLevel, publicPeriod } from '../service-levels/public-levels.ts'
import type { App } from './app.ts'
import { money, peerId } from './schemas.ts'

/** A page asks once for each provider that somebody looks at. */
const rateLimit = { max: 300, timeWindow: 60_000 }
/** It changes at midnight. */
const CACHED_S = 3_600

/** How a provider has served, for everybody. */
export function publicLevelRoutes(app: App, { store, now }: SettlementContext): void {
  app.get(
    '/v1/providers/:peerId/service-levels',
    {
      config: { access: 'public', rateLimit },
      schema: {
        description:
          'How a provider has served over all organizations, by month (UTC), for a year and up to the last midnight; as both sides signed it. Of a month with fewer than twenty sessions nothing is said but that there were some, and counts are rounded down, so that nobody’s sessions can be seen. Nothing of a provider that has had the processing of its data restricted.',
        params: z.object({ peerId }),
        response: {
          200: z.object({
            until: z.number(),
            months: z.array(
              z.object({
                month: z.string(),
                sessionsAtLeast: money,
                availabilityBps: z.number().nullable(),
                msPerTokenP50: z.number().nullable(),
                msPerTokenP95: z.number().nullable(),
              }),
            ),
          }),
        },
      },
    },
    async (request, reply) => {
      const { peerId: provider } = request.params
      const period = publicPeriod(now())
      const isHidden = (await store.provider(provider))?.isRestricted === true
      const found = isHidden
        ? []
        : await store.serviceMeasurements({
            provider,
            ...period,
            group: 'month',
            limit: MONTHS,
          })
      reply.header('cache-control', `public, max-age=${CACHED_S}`)
      return { until: period.to, months: found.map(publicLevel) }
    },
  )
}
