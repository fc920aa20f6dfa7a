import { isCountryCode } from '@hanse/protocol'
import { z } from 'zod'
import { type BillingProfile, setProfile } from '../billing/profile.ts'
import type { SettlementContext } from '../context.ts'
import { accept, contest } from '../disputes/dispute.ts'
import { SettlementError } from '../errors.ts'
import {
  openSetup,
  paymentMethods,
  removeMethod,
  setDefaultMethod,
} from '../payment-methods/payment-methods.ts'
import { requestRefund } from '../refunds/refund.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { cents, counterPage, money, nextOf, pageUrl, requiredKey, timePage } from './schemas.ts'

const security = [{ key: [] }]
/** The longest lines that fit the head of an invoice. */
const TEXT_MAX = 120
const text = z.string().trim().min(1).max(TEXT_MAX)

const profileBody = z.strictObject({
  kind: z.enum(['business', 'consumer']),
  name: text,
  email: z.email().max(254),
  line1: text,
  line2: text.optional(),
  postalCode: z.string().trim().min(1).max(16),
  city: text,
  country: z.string().refine(isCountryCode, { error: 'not an ISO 3166-1 alpha-2 code' }),
  vatId: z.string().max(20).optional(),
})
const profileSchema = profileBody.extend({
  vatIdConfirmed: z.boolean(),
  version: z.number(),
  updatedAt: z.number(),
})

const methodSchema = z.object({
  paymentMethod: z.string(),
  type: z.string(),
  last4: z.string().nullable(),
  brand: z.string().nullable(),
  expires: z.object({ month: z.number(), year: z.number() }).nullable(),
  isDefault: z.boolean(),
})

const refundSchema = z.object({
  id: z.string(),
  organization: z.string(),
  paymentIntent: z.string(),
  cents: money,
  vatCents: money,
  state: z.enum(['requested', 'submitted', 'succeeded', 'refused', 'failed']),
  refund: z.string().nullable(),
  failure: z.string().nullable(),
  createdAt: z.number(),
})

const disputeSchema = z.object({
  id: z.string(),
  organization: z.string(),
  paymentIntent: z.string(),
  cents: money,
  status: z.string(),
  reason: z.string(),
  withdrawnCents: money,
  feeCents: money,
  evidenceDueAt: z.number().nullable(),
  createdAt: z.number(),
  updatedAt: z.number(),
})

const disputePage = {
  200: z.object({ disputes: z.array(disputeSchema), next: z.string().nullable() }),
}

const cursorSchema = z.object({
  list: z.enum(['v1', 'v2']),
  seenUntil: z.number(),
  polledAt: z.number().nullable(),
  taken: money,
  failure: z.string().nullable(),
})

/** Stripe takes no longer text. */
const EVIDENCE_MAX = 20_000
/** Each of these asks Stripe, which takes 25 requests a second from us. */
const config = { rateLimit: { max: 300, timeWindow: 60_000 } }

/** Who pays and with what, money back, and what went wrong. */
export function billingRoutes(app: App, context: SettlementContext): void {
  const { store } = context

  app.get(
    '/v1/billing/profile',
    {
      config: { permission: 'billing:read' },
      schema: { security, response: { 200: profileSchema } },
    },
    async (request) => {
      // Names and addresses are for those who pay, not for whoever may look at usage.
      const { organization } = principal(request)
      const profile = await store.billingProfile(organization)
      if (profile !== undefined) return toProfile(profile)
      throw new SettlementError('HANSE_NOT_FOUND', 'no billing profile was set')
    },
  )

  app.put(
    '/v1/billing/profile',
    {
      config: { ...config, permission: 'billing:write' },
      schema: { security, body: profileBody, response: { 200: profileSchema } },
    },
    async (request) => {
      const { organization } = principal(request)
      const { line2, vatId, ...required } = request.body
      const details = {
        ...required,
        ...(line2 !== undefined && { line2 }),
        ...(vatId !== undefined && { vatId }),
      }
      return toProfile(await setProfile(context, organization, details))
    },
  )

  app.get(
    '/v1/billing/notices',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        querystring: counterPage,
        response: {
          200: z.object({
            notices: z.array(
              z.object({ id: money, kind: z.string(), cause: z.string(), at: z.number() }),
            ),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { limit, before } = request.query
      const notices = await store.notices({
        organization,
        limit,
        ...(before !== undefined && { before }),
      })
      const last = notices.length < limit ? undefined : notices.at(-1)
      return { notices, next: last?.id.toString() ?? null }
    },
  )

  app.get(
    '/v1/payment-methods',
    {
      config: { ...config, permission: 'billing:read' },
      schema: {
        security,
        response: { 200: z.object({ paymentMethods: z.array(methodSchema) }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const found = await paymentMethods(context, organization)
      return {
        paymentMethods: found.map((method) => ({
          ...method,
          last4: method.last4 ?? null,
          brand: method.brand ?? null,
          expires: method.expires ?? null,
        })),
      }
    },
  )

  app.post(
    '/v1/payment-methods',
    {
      config: { ...config, permission: 'billing:write' },
      schema: {
        description: 'Opens a page of Stripe’s where a payment method can be saved.',
        security,
        body: z.strictObject({ successUrl: pageUrl, cancelUrl: pageUrl }),
        response: { 200: z.object({ url: z.string() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      return { url: await openSetup(context, organization, request.body) }
    },
  )

  const methodParams = z.object({ paymentMethod: z.string().max(255) })
  const done = z.object({ paymentMethod: z.string() })
  app.put(
    '/v1/payment-methods/:paymentMethod/default',
    {
      config: { ...config, permission: 'billing:write' },
      schema: { security, params: methodParams, response: { 200: done } },
    },
    async (request) => {
      const { organization } = principal(request)
      await setDefaultMethod(context, organization, request.params.paymentMethod)
      return request.params
    },
  )

  app.delete(
    '/v1/payment-methods/:paymentMethod',
    {
      config: { ...config, permission: 'billing:write' },
      schema: { security, params: methodParams, response: { 200: done } },
    },
    async (request) => {
      const { organization } = principal(request)
      await removeMethod(context, organization, request.params.paymentMethod)
      return request.params
    },
  )

  const refundBody = z.strictObject({ topUp: z.string().max(64), cents })
  app.post(
    '/v1/refunds',
    {
      config: { ...config, permission: 'billing:write', whileRestricted: true },
      schema: {
        description: 'Gives back what was not spent of a top-up, in part or whole.',
        security,
        body: refundBody,
        response: { 200: refundSchema },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const idempotencyKey = requiredKey(request)
      return requestRefund(context, { organization, idempotencyKey, ...request.body })
    },
  )

  app.get(
    '/v1/refunds',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        querystring: timePage,
        response: {
          200: z.object({ refunds: z.array(refundSchema), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { limit, before } = request.query
      const refunds = await store.refunds({
        organization,
        limit,
        ...(before !== undefined && { before }),
      })
      const last = refunds.length < limit ? undefined : refunds.at(-1)
      return { refunds, next: nextOf(last?.createdAt, last?.id) }
    },
  )

  app.get(
    '/v1/disputes',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        querystring: timePage,
        response: disputePage,
      },
    },
    (request) => {
      const { organization } = principal(request)
      return disputesOf(store, { ...request.query, organization })
    },
  )

  app.post(
    '/v1/admin/refunds',
    {
      config: { ...config, access: 'operator' },
      schema: { security, body: refundBody, response: { 200: refundSchema } },
    },
    async (request) => {
      const paid = await store.topUp(request.body.topUp)
      if (paid === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such top-up')
      // The operator's keys are beside the organization's own, not among them: no header holds a line break.
      const idempotencyKey = `operator\n${requiredKey(request)}`
      const { organization } = paid
      return requestRefund(context, { organization, idempotencyKey, ...request.body })
    },
  )

  app.get(
    '/v1/admin/disputes',
    {
      config: { access: 'operator' },
      schema: {
        security,
        querystring: timePage,
        response: disputePage,
      },
    },
    ({ query }) => disputesOf(store, query),
  )

  const disputeParams = z.object({ id: z.string().max(64) })
  app.post(
    '/v1/admin/disputes/:id/contest',
    {
      config: { access: 'operator' },
      schema: {
        description: 'Sends the evidence to the bank, which can be done once.',
        security,
        params: disputeParams,
        body: z.strictObject({ statement: z.string().min(1).max(EVIDENCE_MAX) }),
        response: { 200: disputeSchema },
      },
    },
    ({ params, body }) => contest(context, params.id, body.statement),
  )

  app.post(
    '/v1/admin/disputes/:id/accept',
    {
      config: { access: 'operator' },
      schema: {
        description: 'Gives in: the dispute is lost.',
        security,
        params: disputeParams,
        response: { 200: disputeSchema },
      },
    },
    ({ params }) => accept(context, params.id),
  )

  app.get(
    '/v1/admin/stripe/events',
    {
      config: { access: 'operator' },
      schema: { security, response: { 200: z.object({ lists: z.array(cursorSchema) }) } },
    },
    async () => ({ lists: await store.eventCursors() }),
  )
}

async function disputesOf(
  store: SettlementContext['store'],
  { before, ...query }: z.output<typeof timePage> & { readonly organization?: string },
) {
  const disputes = await store.disputes({ ...query, ...(before !== undefined && { before }) })
  const last = disputes.length < query.limit ? undefined : disputes.at(-1)
  return { disputes, next: nextOf(last?.createdAt, last?.id) }
}

const toProfile = ({ vatIdCheck, ...profile }: BillingProfile) => ({
  ...profile,
  vatIdConfirmed: vatIdCheck !== undefined,
})
