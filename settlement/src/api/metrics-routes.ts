import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { ROUTES_MS, SAMPLE_MS } from '../operations/history.ts'
import { QUEUES } from '../operations/metrics-store.ts'
import type { Operations } from '../operations/operations.ts'
import type { App } from './app.ts'

const outcomes = z.object({ done: z.number(), refused: z.number(), failed: z.number() })
const times = { p50Ms: z.number().nullable(), p95Ms: z.number().nullable() }

const sampleSchema = z.object({
  at: z.number(),
  periodMs: z.number(),
  requests: outcomes,
  ...times,
  requestsInFlight: z.number(),
  sessions: z.object({
    booked: z.number(),
    duplicate: z.number(),
    superseded: z.number(),
    refused: z.number(),
  }),
  ingestBytes: z.number(),
  ingestBatches: z.number(),
  logEntries: z.number().nullable(),
  stripe: outcomes,
  busy: z.number(),
  heapBytes: z.number(),
  memoryBytes: z.number(),
})

/** How this process has been doing, for a page that is looked at; `/metrics` is for Prometheus. */
export function metricsRoutes(
  app: App,
  { store, now }: SettlementContext,
  operations: Operations,
): void {
  const { history, metrics } = operations
  app.get(
    '/v1/admin/metrics',
    {
      config: { access: 'operator' },
      schema: {
        security: [{ key: [] }],
        description:
          'The last hour of the process that answers, in samples of ten seconds, oldest first; each counts what happened in it. `routes` and the times beside them are of the last quarter of an hour. `refused` is the caller’s fault (4xx), `failed` the service’s (5xx, or no answer of Stripe). `startedAt` tells one process from another, and times are estimated from the histogram that Prometheus reads',
        querystring: z.strictObject({
          since: z.coerce.number().int().min(0).default(0),
        }),
        response: {
          200: z.object({
            at: z.number(),
            startedAt: z.number(),
            sampleMs: z.number(),
            routesMs: z.number(),
            requestsInFlight: z.number(),
            samples: z.array(sampleSchema).readonly(),
            ...times,
            routes: z.array(z.object({ route: z.string(), requests: outcomes, ...times })),
            queues: z.array(z.object({ queue: z.enum(QUEUES), depth: z.number() })),
            stripe: z.array(
              z.object({
                resource: z.string(),
                done: z.number(),
                refused: z.number(),
                failed: z.number(),
              }),
            ),
          }),
        },
      },
    },
    async ({ query: { since } }) => {
      const { all, routes } = history.routes()
      return {
        at: now(),
        startedAt: history.startedAt,
        sampleMs: SAMPLE_MS,
        routesMs: ROUTES_MS,
        requestsInFlight: operations.requestsInFlight(),
        samples: history.samples(since),
        ...all,
        routes: [...routes],
        queues: await store.queueDepths(now()),
        stripe: await metrics.stripeCalls(),
      }
    },
  )
}
