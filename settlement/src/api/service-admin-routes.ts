import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { monthOf } from '../documents/month.ts'
import { SettlementError } from '../errors.ts'
import { checkMaintenance } from '../service-levels/maintenance.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'
import { counterPage, money, peerId, wholeHour } from './schemas.ts'
import {
  asked,
  creditPage,
  creditSchema,
  isRange,
  levelSchema,
  measurementDescription,
  measurementQuery,
  measurementResponse,
  month,
  RANGE_ERROR,
  scope,
  toMeasurements,
  windowSchema,
} from './service-level-schemas.ts'

const security = [{ key: [] }]
const operator = { access: 'operator' } as const
const note = z.string().trim().min(1).max(500)
const organization = z.string().max(64).optional()

const storedLevel = z.object({
  id: money,
  scope: z.string(),
  effectiveFrom: z.string(),
  level: z.unknown().nullable(),
  createdBy: z.string(),
  createdAt: z.number(),
})

const adminCredit = creditSchema.extend({
  organization: z.string(),
  fee: money,
  corroborated: z.boolean(),
  decidedBy: z.string().nullable(),
})

const adminWindow = windowSchema.extend({
  createdBy: z.string(),
  cancelledBy: z.string().nullable(),
})

/** What operators promise, announce and decide. */
export function serviceAdminRoutes(app: App, context: SettlementContext): void {
  levelRoutes(app, context)
  creditRoutes(app, context)
  maintenanceRoutes(app, context)
}

function levelRoutes(app: App, { store, now }: SettlementContext): void {
  app.post(
    '/v1/admin/service-levels',
    {
      config: operator,
      schema: {
        security,
        description:
          'Promises a service level from a month on, the next at the earliest: to everybody (`platform`), to those who have a plan (`plan/starter`), or to one organization (`organization/org_…`). The nearest counts. A level that is null ends the promise; none is ever changed',
        body: z.strictObject({ scope, effectiveFrom: month, level: levelSchema.nullable() }),
        response: { 200: storedLevel },
      },
    },
    (request) => {
      const at = now()
      const { body } = request
      if (body.effectiveFrom <= monthOf(at)) {
        throw new SettlementError(
          'HANSE_REQUEST_INVALID',
          'effectiveFrom: a month that has begun is not promised anew',
        )
      }
      return store.addServiceLevel({ ...body, createdBy: operatorOf(request).id, createdAt: at })
    },
  )

  app.get(
    '/v1/admin/service-levels',
    {
      config: operator,
      schema: {
        security,
        description: 'Everything that was ever promised, the newest first',
        querystring: counterPage,
        response: {
          200: z.object({ levels: z.array(storedLevel), next: money.nullable() }),
        },
      },
    },
    async ({ query: { limit, before } }) => {
      const levels = await store.serviceLevels({
        limit,
        ...(before !== undefined && { before }),
      })
      return { levels, next: levels.length < limit ? null : (levels.at(-1)?.id ?? null) }
    },
  )

  app.get(
    '/v1/admin/service-measurements',
    {
      config: operator,
      schema: {
        security,
        description: `Of one organization or provider, or of all. ${measurementDescription}`,
        querystring: measurementQuery
          .extend({ organization, provider: z.string().max(64).optional() })
          .refine(isRange, RANGE_ERROR),
        response: measurementResponse,
      },
    },
    async ({ query }) => {
      const whose = {
        ...(query.organization !== undefined && { organization: query.organization }),
        ...(query.provider !== undefined && { provider: query.provider }),
      }
      return toMeasurements(
        query.limit,
        await store.serviceMeasurements({ ...whose, ...asked(query) }),
      )
    },
  )
}

function creditRoutes(app: App, { store, now }: SettlementContext): void {
  app.get(
    '/v1/admin/service-credits',
    {
      config: operator,
      schema: {
        security,
        description:
          'Credits for missed service levels. `corroborated` tells whether other organizations saw the same of the provider in that month; where it is false nothing is posted without an operator',
        querystring: creditPage.extend({ organization }),
        response: { 200: z.object({ credits: z.array(adminCredit), next: z.string().nullable() }) },
      },
    },
    async ({ query: { organization: whose, state, ...page } }) => {
      const credits = await store.serviceCredits({
        ...page,
        ...(whose !== undefined && { organization: whose }),
        ...(state !== undefined && { state }),
      })
      const last = credits.length < page.limit ? undefined : credits.at(-1)
      return { credits, next: last?.id ?? null }
    },
  )

  for (const decision of ['approve', 'waive'] as const) {
    app.post(
      `/v1/admin/service-credits/:credit/${decision}`,
      {
        config: operator,
        schema: {
          security,
          description:
            decision === 'approve'
              ? 'Posts a proposed credit to the organization’s balance'
              : 'Decides that a proposed credit is not given; the organization sees the note',
          params: z.object({ credit: z.string().min(1).max(64) }),
          body:
            decision === 'waive'
              ? z.strictObject({ note })
              : z.strictObject({ note: note.optional() }).default({}),
          response: { 200: adminCredit },
        },
      },
      (request) => {
        const given = {
          id: request.params.credit,
          by: operatorOf(request).id,
          note: request.body.note ?? null,
          at: now(),
        }
        return decision === 'approve'
          ? store.approveServiceCredit(given)
          : store.waiveServiceCredit(given)
      },
    )
  }
}

function maintenanceRoutes(app: App, { store, now }: SettlementContext): void {
  app.post(
    '/v1/admin/maintenance-windows',
    {
      config: operator,
      schema: {
        security,
        description:
          'Announces maintenance: whole hours, a day ahead at least, of one provider or of all, which do not count as kept or missed. Organizations see it',
        body: z.strictObject({
          provider: peerId.nullable(),
          from: wholeHour,
          to: wholeHour,
          reason: note,
        }),
        response: { 200: adminWindow },
      },
    },
    async (request) => {
      const { from, to, ...body } = request.body
      const at = now()
      checkMaintenance({ from, to }, at)
      return store.addMaintenance({
        id: `mw_${randomUUID()}`,
        ...body,
        startsAt: from,
        endsAt: to,
        createdBy: operatorOf(request).id,
        createdAt: at,
      })
    },
  )

  app.get(
    '/v1/admin/maintenance-windows',
    {
      config: operator,
      schema: {
        security,
        querystring: z.strictObject({
          since: z.coerce.number().int().min(0).default(0),
          limit: z.coerce.number().int().min(1).max(500).default(100),
        }),
        response: { 200: z.object({ windows: z.array(adminWindow) }) },
      },
    },
    async ({ query: { since, limit } }) => ({
      windows: await store.maintenanceWindows(since, limit),
    }),
  )

  app.post(
    '/v1/admin/maintenance-windows/:window/cancel',
    {
      config: operator,
      schema: {
        security,
        description: 'Calls maintenance off before it begins',
        params: z.object({ window: z.string().min(1).max(64) }),
        response: { 200: z.object({ cancelled: z.literal(true) }) },
      },
    },
    async (request) => {
      await store.cancelMaintenance(request.params.window, operatorOf(request).id, now())
      return { cancelled: true as const }
    },
  )
}
