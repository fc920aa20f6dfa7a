import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { ownMethod } from '../payment-methods/payment-methods.ts'
import { automaticTopUp } from '../top-ups/automatic-top-up.ts'
import { openCheckout } from '../top-ups/checkout.ts'
import { topUp } from '../top-ups/top-up.ts'
import type { TopUpRow } from '../top-ups/top-up-store.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { background } from './background.ts'
import { cents, money, nextOf, pageUrl, requiredKey, timePage } from './schemas.ts'

const security = [{ key: [] }]
/** Stripe charges no less in euro. */
const CHECKOUT_CENTS_MIN = 50n

const row = z.object({
  id: z.string(),
  source: z.enum(['direct', 'checkout', 'automatic']),
  cents: money,
  vatCents: money,
  state: z.enum(['pending', 'succeeded', 'failed']),
  paymentIntent: z.string().nullable(),
  url: z.string().nullable(),
  expiresAt: z.number().nullable(),
  failure: z.string().nullable(),
  createdAt: z.number(),
})

const automaticSchema = z.object({
  enabled: z.boolean(),
  thresholdCents: money,
  cents: money,
  monthlyCents: money,
  paymentMethod: z.string(),
  failures: z.number(),
  pausedUntil: z.number().nullable(),
})

/** Money in: charged at once, on Stripe's page, or by itself. */
export function topUpRoutes(app: App, context: SettlementContext): void {
  const { store } = context
  const later = background(app)

  app.post(
    '/v1/top-ups',
    {
      config: { permission: 'billing:write' },
      schema: {
        security,
        body: z.strictObject({ cents, paymentMethod: z.string().min(1).max(255) }),
        response: { 200: row },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const idempotencyKey = requiredKey(request)
      return toJson(await topUp(context, { organization, idempotencyKey, ...request.body }))
    },
  )

  app.get(
    '/v1/top-ups',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        querystring: timePage,
        response: { 200: z.object({ topUps: z.array(row), next: z.string().nullable() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { limit, before } = request.query
      const found = await store.topUps({
        organization,
        limit,
        ...(before !== undefined && { before }),
      })
      const last = found.length < limit ? undefined : found.at(-1)
      return { topUps: found.map(toJson), next: nextOf(last?.createdAt, last?.id) }
    },
  )

  app.get(
    '/v1/top-ups/:id',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        params: z.object({ id: z.string().max(64) }),
        response: { 200: row },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const found = await store.topUp(request.params.id)
      if (found?.organization !== organization) {
        throw new SettlementError('HANSE_NOT_FOUND', 'no such top-up')
      }
      return toJson(found)
    },
  )

  app.post(
    '/v1/checkouts',
    {
      config: { permission: 'billing:write' },
      schema: {
        description: 'Opens a page of Stripe’s for a top-up, which is credited when it is paid.',
        security,
        body: z.strictObject({
          cents: cents.refine((value) => value >= CHECKOUT_CENTS_MIN, { error: '50 at least' }),
          successUrl: pageUrl,
          cancelUrl: pageUrl,
          savePaymentMethod: z.boolean().default(false),
        }),
        response: { 200: row },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const idempotencyKey = requiredKey(request)
      return toJson(await openCheckout(context, { organization, idempotencyKey, ...request.body }))
    },
  )

  app.get(
    '/v1/automatic-top-up',
    {
      config: { permission: 'costs:read' },
      schema: { security, response: { 200: automaticSchema } },
    },
    async (request) => {
      const { organization } = principal(request)
      const settings = await store.automaticTopUp(organization)
      if (settings !== undefined) return settings
      throw new SettlementError('HANSE_NOT_FOUND', 'no automatic top-up was set')
    },
  )

  app.put(
    '/v1/automatic-top-up',
    {
      config: { permission: 'billing:write' },
      schema: {
        security,
        body: z
          .strictObject({
            enabled: z.boolean(),
            thresholdCents: cents,
            cents: cents.refine((value) => value >= CHECKOUT_CENTS_MIN, { error: '50 at least' }),
            monthlyCents: cents,
            paymentMethod: z.string().min(1).max(255),
          })
          .refine((body) => body.monthlyCents >= body.cents, {
            error: 'the month allows for not even one',
          }),
        response: { 200: automaticSchema },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      await ownMethod(context, organization, request.body.paymentMethod)
      await store.setAutomaticTopUp(organization, request.body, context.now())
      later(automaticTopUp(context, organization))
      return { ...request.body, failures: 0, pausedUntil: null }
    },
  )
}

const toJson = ({ checkoutUrl, ...row }: TopUpRow) => ({ ...row, url: checkoutUrl })
