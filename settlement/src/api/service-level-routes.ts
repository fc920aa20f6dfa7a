import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { monthOf, nextMonth } from '../documents/month.ts'
import type { StoredLevel } from '../service-levels/level-store.ts'
import { timeSessions } from '../service-levels/time-sessions.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { nodeWay, ownerWay } from './provider-ways.ts'
import { cborBody } from './receipt-routes.ts'
import {
  asked,
  creditPage,
  creditSchema,
  isRange,
  levelSchema,
  measurementDescription,
  measurementQuery,
  measurementResponse,
  RANGE_ERROR,
  toMeasurements,
  windowSchema,
} from './service-level-schemas.ts'

const security = [{ key: [] }]
const WINDOWS_MAX = 100
/** A hundred receipts with what they rest on, several times over; a tenth of a second of signature checks. */
const TIMINGS_BYTES_MAX = 1 << 20
/** What was announced, as far back as months are still judged, and then some. */
const WINDOWS_MS = 120 * 86_400_000

const refused = z.object({ item: z.number(), code: z.string(), message: z.string() })

const promised = z
  .object({ month: z.string(), scope: z.string(), effectiveFrom: z.string(), level: levelSchema })
  .nullable()

/** What was promised, what was kept, and what is credited for the rest. */
export function serviceLevelRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.get(
    '/v1/service-levels',
    {
      config: { permission: 'usage:read' },
      schema: {
        security,
        description:
          'What the organization is promised this month and the next, for each provider that it uses, and the maintenance that was announced. Null where nothing is promised',
        response: {
          200: z.object({
            current: promised,
            next: promised,
            maintenance: z.array(windowSchema),
          }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const at = now()
      const month = monthOf(at)
      const levelOf = async (which: typeof month) =>
        toPromise(which, await store.serviceLevelOf(organization, which, at))
      return {
        current: await levelOf(month),
        next: await levelOf(nextMonth(month)),
        maintenance: await store.maintenanceWindows(at - WINDOWS_MS, WINDOWS_MAX),
      }
    },
  )

  app.get(
    '/v1/service-levels/measurements',
    {
      config: { permission: 'usage:read' },
      schema: {
        security,
        description: measurementDescription,
        querystring: measurementQuery
          .extend({ provider: z.string().max(64).optional() })
          .refine(isRange, RANGE_ERROR),
        response: measurementResponse,
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { provider, ...query } = request.query
      const whose = { organization, ...(provider !== undefined && { provider }) }
      return toMeasurements(
        query.limit,
        await store.serviceMeasurements({ ...whose, ...asked(query) }),
      )
    },
  )

  app.post(
    '/v1/service-levels/timings',
    {
      config: { permission: 'outcomes:write' },
      bodyLimit: TIMINGS_BYTES_MAX,
      schema: {
        security,
        consumes: ['application/cbor'],
        description:
          'Shows the last receipts of sessions that were settled by Statements, which hold no times: DAG-CBOR as for /v1/receipts. They count like those that were settled by their receipts; an answer whose time nobody has shown counts as in time. `timed` are the sessions whose times were new',
        response: { 200: z.object({ timed: z.array(z.string()), refused: z.array(refused) }) },
      },
    },
    (request) => timeSessions(context, principal(request).organization, cborBody(request.body)),
  )

  app.get(
    '/v1/service-levels/credits',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        description:
          'Credits for months with a provider that fell short, in pico-euro: proposed ones wait for the operator, posted ones are in the balance',
        querystring: creditPage,
        response: {
          200: z.object({ credits: z.array(creditSchema), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { state, ...page } = request.query
      const credits = await store.serviceCredits({
        organization,
        ...page,
        ...(state !== undefined && { state }),
      })
      const last = credits.length < page.limit ? undefined : credits.at(-1)
      return { credits, next: last?.id ?? null }
    },
  )

  for (const { prefix, config, params, reader } of [nodeWay(context), ownerWay(context)]) {
    app.get(
      `${prefix}/service-levels`,
      {
        config,
        schema: {
          description: `Of the provider whose key has signed the request (RFC 9421), or that is linked to who is signed in, over all organizations. ${measurementDescription}`,
          params,
          querystring: measurementQuery.refine(isRange, RANGE_ERROR),
          response: measurementResponse,
        },
      },
      async (request) => {
        const provider = await reader(request)
        return toMeasurements(
          request.query.limit,
          await store.serviceMeasurements({ provider, ...asked(request.query) }),
        )
      },
    )
  }
}

function toPromise(month: string, found: StoredLevel | undefined): z.output<typeof promised> {
  if (found === undefined || found.level === null) return null
  const { scope, effectiveFrom, level } = found
  return { month, scope, effectiveFrom, level: { ...level, ...copied(level) } }
}

/** Lists that the answer's schema may own. */
const copied = ({ availability, pace }: NonNullable<StoredLevel['level']>) => ({
  availability: [...availability],
  pace: pace && { ...pace, steps: [...pace.steps] },
})
