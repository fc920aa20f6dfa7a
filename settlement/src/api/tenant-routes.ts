import { z } from 'zod'
import { authorize } from '../authorizations/authorize.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { topUp } from '../top-ups/top-up.ts'
import type { App } from './app.ts'
import { organizationOf } from './auth.ts'
import {
  amount,
  cents,
  idempotencyKey,
  money,
  peerId,
  signedJson,
  toSignedJson,
} from './schemas.ts'

/** An authorization holds money of the organization: no longer than a week. */
const LIFETIME_MS_MAX = 7 * 86_400_000
const LIFETIME_MS_MIN = 10_000

const security = [{ key: [] }]

/** What an organization does with its API key. */
export function tenantRoutes(app: App, context: SettlementContext): void {
  const { store, terms } = context

  app.get(
    '/v1/balance',
    {
      schema: {
        security,
        response: {
          200: z.object({ organization: z.string(), available: money, held: money }),
        },
      },
    },
    async (request) => {
      const organization = await organizationOf(request, store)
      return { organization, ...(await store.balance(organization)) }
    },
  )

  app.post(
    '/v1/top-ups',
    {
      schema: {
        security,
        body: z.strictObject({ cents, paymentMethod: z.string().min(1).max(255) }),
        response: {
          200: z.object({
            id: z.string(),
            cents: money,
            state: z.enum(['pending', 'succeeded', 'failed']),
            paymentIntent: z.string().nullable(),
          }),
        },
      },
    },
    async (request) => {
      const organization = await organizationOf(request, store)
      const key = idempotencyKey.safeParse(request.headers['idempotency-key'])
      if (!key.success) {
        throw new SettlementError('HANSE_IDEMPOTENCY_KEY', 'the header idempotency-key is missing')
      }
      return topUp(context, { organization, idempotencyKey: key.data, ...request.body })
    },
  )

  app.post(
    '/v1/authorizations',
    {
      schema: {
        security,
        body: z.strictObject({
          consumer: peerId,
          provider: peerId,
          amount,
          lifetimeMs: z.int().min(LIFETIME_MS_MIN).max(LIFETIME_MS_MAX).optional(),
        }),
        response: { 200: z.object({ authorization: signedJson }) },
      },
    },
    async (request) => {
      const organization = await organizationOf(request, store)
      const key = idempotencyKey.nullable().safeParse(request.headers['idempotency-key'] ?? null)
      if (!key.success) throw new SettlementError('HANSE_IDEMPOTENCY_KEY', 'too long')
      const { consumer, provider, amount: limit, lifetimeMs } = request.body
      const authorization = await authorize(context, {
        organization,
        consumer,
        provider,
        limit,
        lifetimeMs: lifetimeMs ?? terms.authorizationMs,
        idempotencyKey: key.data,
      })
      return { authorization: toSignedJson(authorization) }
    },
  )
}
