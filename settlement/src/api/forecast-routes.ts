import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { DAY_MS } from '../forecast/daily-series.ts'
import { spendForecast, withToday } from '../forecast/spend-forecast.ts'
import { SPEND_DIMENSIONS } from '../forecast/spend-store.ts'
import { SEVERITIES } from '../notifications/event.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { counterCursor, counterPage, money } from './schemas.ts'

const security = [{ key: [] }]
/** What is forecast and kept; see `spendForecast`. */
const DAYS_MAX = 62
const REASON_MAX = 500

const digits = z.string().regex(/^\d+$/u)
const amounts = { amount: digits, lower: digits, upper: digits }
const days = z.array(z.object({ day: z.iso.date(), ...amounts })).readonly()
const percent = z.number().nullable()
const errors = { mape: percent, wape: percent, weekError: percent, mase: percent }

const forecastJson = z.object({
  from: z.iso.date(),
  historyDays: z.number(),
  class: z.enum(['smooth', 'bursty', 'unknown']),
  model: z.string(),
  leader: z.string().nullable(),
  days,
  backTest: z
    .object({
      ...errors,
      coverage80: percent,
      naive: z.object(errors),
      origins: z.number(),
      step: z.union([z.literal(1), z.literal(7)]),
    })
    .nullable(),
  models: z.array(z.object({ model: z.string(), days })).readonly(),
  month: z.object({ month: z.string(), before: digits, ...amounts }),
})

const anomalyJson = z.object({
  id: money,
  day: z.iso.date(),
  direction: z.enum(['up', 'down']),
  severity: z.enum(SEVERITIES),
  hours: z.number(),
  expected: money,
  lower: money,
  upper: money,
  actual: money,
  score: z.number(),
  explanation: z.object({
    summary: z.string(),
    percent,
    startedHour: z.number().nullable(),
    contributions: z
      .array(
        z.object({
          dimension: z.enum(SPEND_DIMENSIONS),
          key: z.string(),
          expected: z.string(),
          actual: z.string(),
          change: z.string(),
        }),
      )
      .readonly(),
  }),
  foundAt: z.number(),
  acknowledgedAt: z.number().nullable(),
  acknowledgedBy: z.string().nullable(),
  reason: z.string().nullable(),
})

/** What an organization is expected to spend, and on which days it was unlike that. */
export function forecastRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.get(
    '/v1/forecast',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        description:
          'Expected spend by the day in UTC, today first, with the interval that holds four days of five; by model for the ' +
          'models that cost most; and this month at its end. `class` says whether days are alike or jump, `backTest` what ' +
          'such forecasts were worth so far, in percent. Amounts are pico-euro.',
        querystring: z.strictObject({
          days: z.coerce.number().int().min(1).max(DAYS_MAX).default(7),
        }),
        response: { 200: forecastJson },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const kept = await spendForecast(context, organization)
      const from = Date.parse(kept.from)
      const today = await store.spend({
        organization,
        unit: 'day',
        dimension: 'total',
        from,
        to: from + DAY_MS,
      })
      const forecast = withToday(kept, today[0]?.amount ?? 0n)
      const count = request.query.days
      return {
        ...forecast,
        days: forecast.days.slice(0, count),
        models: forecast.models.map((one) => ({ ...one, days: one.days.slice(0, count) })),
      }
    },
  )

  app.get(
    '/v1/anomalies',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        description:
          'Days on which spend was unlike what was expected, newest first, with what made the difference.',
        querystring: counterPage.extend({ open: z.stringbool().optional() }),
        response: {
          200: z.object({ anomalies: z.array(anomalyJson), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { limit, before, open } = request.query
      const anomalies = await store.anomalies({
        organization,
        limit,
        ...(before !== undefined && { before }),
        ...(open !== undefined && { open }),
      })
      const last = anomalies.length < limit ? undefined : anomalies.at(-1)
      return { anomalies, next: last?.id.toString() ?? null }
    },
  )

  app.post(
    '/v1/anomalies/:id/acknowledge',
    {
      config: { permission: 'alerts:write' },
      schema: {
        security,
        description: 'Says that somebody has looked, and what it was. The first reason stays.',
        params: z.object({ id: counterCursor }),
        body: z.strictObject({ reason: z.string().trim().min(1).max(REASON_MAX) }),
        response: { 200: anomalyJson },
      },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      const { id } = request.params
      const { reason } = request.body
      const found = await store.acknowledgeAnomaly({ organization, id, actor, reason, at: now() })
      if (found !== undefined) return found
      throw new SettlementError('HANSE_NOT_FOUND', 'no such anomaly')
    },
  )
}
