import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { PLAN_NAMES, PLANS } from '../plans/catalogue.ts'
import { cancelPlan, changePlan, resumePlan, subscribe } from '../plans/subscribe.ts'
import type { SubscriptionRow } from '../plans/subscription-store.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { money, nextOf, pageUrl, requiredKey, timePage } from './schemas.ts'

const security = [{ key: [] }]
const plan = z.enum(PLAN_NAMES)

const planSchema = z.object({
  plan,
  version: z.number(),
  title: z.string(),
  cents: money,
  creditCents: money,
})

const subscriptionSchema = z.object({
  id: z.string(),
  plan,
  planVersion: z.number(),
  status: z.enum(['requested', 'incomplete', 'active', 'past_due', 'ended', 'refused']),
  url: z.string().nullable(),
  periodStart: z.number().nullable(),
  periodEnd: z.number().nullable(),
  cancelAtPeriodEnd: z.boolean(),
})

const invoiceSchema = z.object({
  id: z.string(),
  number: z.string().nullable(),
  cents: money,
  vatCents: money,
  creditCents: money,
  periodStart: z.number(),
  periodEnd: z.number(),
  paidAt: z.number(),
})

/** Plans with included tokens. */
export function planRoutes(app: App, context: SettlementContext): void {
  const { store } = context

  app.get(
    '/v1/plans',
    {
      config: { access: 'public' },
      schema: { response: { 200: z.object({ plans: z.array(planSchema) }) } },
    },
    () => ({ plans: PLANS.filter(({ onSale }) => onSale).map((one) => ({ ...one })) }),
  )

  app.get(
    '/v1/subscription',
    {
      config: { permission: 'costs:read' },
      schema: { security, response: { 200: subscriptionSchema } },
    },
    async (request) => {
      const { organization } = principal(request)
      const row = await store.planOf(organization)
      if (row !== undefined) return toJson(row)
      throw new SettlementError('HANSE_NOT_FOUND', 'the organization has no plan')
    },
  )

  app.post(
    '/v1/subscription',
    {
      config: { permission: 'billing:write' },
      schema: {
        description:
          'Puts the organization on a plan: at once with a saved payment method, else on the page of Stripe’s at `url`.',
        security,
        body: z.union([
          z.strictObject({ plan, paymentMethod: z.string().min(1).max(255) }),
          z.strictObject({ plan, successUrl: pageUrl, cancelUrl: pageUrl }),
        ]),
        response: { 200: subscriptionSchema },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const idempotencyKey = requiredKey(request)
      return toJson(await subscribe(context, { organization, idempotencyKey, ...request.body }))
    },
  )

  app.put(
    '/v1/subscription',
    {
      config: { permission: 'billing:write' },
      schema: {
        description:
          'Changes the plan: to a larger one at once, to a smaller one from the next period on.',
        security,
        body: z.strictObject({ plan }),
        response: { 200: subscriptionSchema },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      return toJson(await changePlan(context, organization, request.body.plan))
    },
  )

  app.delete(
    '/v1/subscription',
    {
      config: { permission: 'billing:write' },
      schema: { security, response: { 200: subscriptionSchema } },
    },
    async (request) => {
      const { organization } = principal(request)
      return toJson(await cancelPlan(context, organization))
    },
  )

  app.post(
    '/v1/subscription/resume',
    {
      config: { permission: 'billing:write' },
      schema: { security, response: { 200: subscriptionSchema } },
    },
    async (request) => {
      const { organization } = principal(request)
      return toJson(await resumePlan(context, organization))
    },
  )

  app.get(
    '/v1/subscription/invoices',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        querystring: timePage,
        response: {
          200: z.object({ invoices: z.array(invoiceSchema), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { limit, before } = request.query
      const invoices = await store.planInvoices({
        organization,
        limit,
        ...(before !== undefined && { before }),
      })
      const last = invoices.length < limit ? undefined : invoices.at(-1)
      return { invoices, next: nextOf(last?.paidAt, last?.id) }
    },
  )
}

const toJson = ({ checkoutUrl, ...row }: SubscriptionRow) => ({ ...row, url: checkoutUrl })
