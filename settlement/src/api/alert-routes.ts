import { isPeerId } from '@hanse/protocol'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { Ingest } from '../ingest/ingest-service.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { nodeWay, ownerWay } from './provider-ways.ts'
import { money } from './schemas.ts'

const security = [{ key: [] }]
const PAGE_MAX = 200
/** A CID, and what `claimAs` puts behind it. */
const SESSION_MAX = 200

const pageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(50),
  before: z
    .string()
    .regex(/^\d{1,18}$/u)
    .transform(BigInt)
    .optional(),
})

const alertSchema = z.object({
  id: money,
  kind: z.enum(['receipt-equivocation', 'statement-equivocation']),
  subject: z.string(),
  organization: z.string().nullable(),
  provider: z.string(),
  kept: z.string(),
  contradicting: z.string(),
  at: z.number(),
  resolvedAt: z.number().nullable(),
})
const alertsSchema = z.object({ alerts: z.array(alertSchema), next: z.string().nullable() })

const cid = z.string().regex(/^[a-z2-7]{16,80}$/u, { error: 'not a CID' })

/** What the parties are told, and what the operator may do about it. */
export function alertRoutes(app: App, context: SettlementContext, ingest: Ingest): void {
  const { store, now } = context
  const page = async (
    query: z.output<typeof pageSchema>,
    whose: { organization?: string; provider?: string; open?: boolean },
  ) => {
    const { limit, before } = query
    const alerts = await store.alerts({ ...whose, limit, ...(before !== undefined && { before }) })
    const last = alerts.length < limit ? undefined : alerts.at(-1)
    return { alerts, next: last?.id.toString() ?? null }
  }

  app.get(
    '/v1/alerts',
    {
      config: { permission: 'alerts:read' },
      schema: { security, querystring: pageSchema, response: { 200: alertsSchema } },
    },
    async (request) => {
      const { organization } = principal(request)
      return page(request.query, { organization })
    },
  )

  for (const { prefix, config, params, reader } of [nodeWay(context), ownerWay(context)]) {
    app.get(
      `${prefix}/alerts`,
      {
        config,
        schema: {
          description:
            'Of the provider whose key has signed the request (RFC 9421), or that is linked to who is signed in: alerts name sessions, so they are not public',
          params,
          querystring: pageSchema,
          response: { 200: alertsSchema },
        },
      },
      async (request) => page(request.query, { provider: await reader(request) }),
    )
  }

  app.get(
    '/v1/admin/alerts',
    {
      config: { access: 'operator' },
      schema: {
        security,
        querystring: pageSchema.extend({
          organization: z.string().max(64).optional(),
          provider: z.string().refine(isPeerId, { error: 'not an Ed25519 peer id' }).optional(),
        }),
        response: { 200: alertsSchema },
      },
    },
    async ({ query: { organization, provider, ...query } }) =>
      page(query, {
        ...(organization !== undefined && { organization }),
        ...(provider !== undefined && { provider }),
      }),
  )

  app.get(
    '/v1/admin/conflicts',
    {
      config: { access: 'operator' },
      schema: {
        security,
        querystring: pageSchema,
        description: 'Alerts that wait for a decision, with where their evidence is',
        response: {
          200: z.object({
            conflicts: z.array(alertSchema.extend({ evidence: z.string() })),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async ({ query }) => {
      const { alerts, next } = await page(query, { open: true })
      const conflicts = alerts.map((alert) => ({
        ...alert,
        evidence: `/v1/admin/conflicts/${alert.contradicting}`,
      }))
      return { conflicts, next }
    },
  )

  app.get(
    '/v1/admin/conflicts/:cid',
    {
      config: { access: 'operator' },
      schema: {
        security,
        params: z.object({ cid }),
        produces: ['application/cbor'],
        description: 'All that both sides signed under one number, as DAG-CBOR',
      },
    },
    async ({ params }, reply) => {
      const evidence = await store.conflictEvidence(params.cid)
      if (evidence === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such evidence')
      return reply
        .type('application/cbor')
        .header('content-disposition', `attachment; filename="${params.cid}.cbor"`)
        .send(Buffer.from(evidence))
    },
  )

  app.post(
    '/v1/admin/sessions/:session/resolve',
    {
      config: { access: 'operator' },
      schema: {
        security,
        params: z.object({ session: z.string().min(1).max(SESSION_MAX) }),
        body: z.strictObject({ keep: cid }),
        response: {
          200: z.object({
            session: z.string(),
            kept: z.string(),
            increase: money,
            open: z.number(),
          }),
        },
      },
    },
    ({ params, body }) => store.resolveSession(params.session, body.keep, now()),
  )

  app.get(
    '/v1/admin/ingest',
    {
      config: { access: 'operator' },
      schema: {
        security,
        response: {
          200: z.object({
            batches: z.number(),
            bytes: z.number(),
            sessions: z.record(z.string(), z.number()),
          }),
        },
      },
    },
    () => ({
      batches: ingest.room.batches,
      bytes: ingest.room.bytes,
      sessions: ingest.counts.all,
    }),
  )
}
