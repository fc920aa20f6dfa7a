import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { reconcile } from '../reconciliation/reconcile.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'
import { money, nextOf, timePage } from './schemas.ts'

const security = [{ key: [] }]
const PAGE_MAX = 500
const limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(100)

const differenceSchema = z.object({
  id: z.string(),
  side: z.enum(['receipts-ledger', 'ledger-stripe']),
  subject: z.string(),
  expected: z.string(),
  actual: z.string(),
  reason: z.string(),
  state: z.enum(['open', 'explained', 'resolved']),
  note: z.string().nullable(),
  resolvedBy: z.string().nullable(),
  firstSeen: z.string(),
  lastSeen: z.string(),
  at: z.number(),
  updatedAt: z.number(),
})

/** At most a hundred movements of each side. */
const sidesSchema = {
  seen: z.array(
    z.object({
      id: z.string(),
      type: z.string(),
      netCents: money,
      feeCents: money,
      at: z.number(),
    }),
  ),
  booked: z.array(z.object({ cents: money, at: z.number().nullable() })),
}

const reconciliationSchema = z.object({
  id: z.string(),
  whole: z.boolean(),
  since: z.number(),
  until: z.number(),
  askedBy: z.string(),
  startedAt: z.number(),
  finishedAt: z.number(),
  movements: z.number(),
  open: z.number(),
  explained: z.number(),
  ledgerCents: money,
  stripeCents: money,
  balanceCompared: z.boolean(),
})

/** Receipts, ledger and Stripe side by side. */
export function reconciliationRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.post(
    '/v1/admin/reconciliations',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'Compares what is new, or with `whole` everything. `open` differences need somebody to look.',
        querystring: z.strictObject({ whole: z.stringbool().default(false) }),
        response: {
          200: reconciliationSchema.extend({ differences: z.array(differenceSchema) }),
        },
      },
    },
    async (request) => {
      const by = operatorOf(request).id
      const { differences, ...row } = await reconcile(context, { whole: request.query.whole, by })
      return { ...row, differences: [...differences] }
    },
  )

  app.get(
    '/v1/admin/reconciliations',
    {
      config: { access: 'operator' },
      schema: {
        security,
        querystring: z.strictObject({ limit, before: z.coerce.number().int().optional() }),
        response: {
          200: z.object({
            reconciliations: z.array(reconciliationSchema),
            next: z.number().nullable(),
          }),
        },
      },
    },
    async ({ query }) => {
      const { before } = query
      const reconciliations = await store.reconciliations({
        limit: query.limit,
        ...(before !== undefined && { before }),
      })
      const last = reconciliations.length < query.limit ? undefined : reconciliations.at(-1)
      return { reconciliations, next: last?.finishedAt ?? null }
    },
  )

  app.get(
    '/v1/admin/differences',
    {
      config: { access: 'operator' },
      schema: {
        security,
        querystring: timePage.extend({ outstanding: z.stringbool().default(true) }),
        response: {
          200: z.object({ differences: z.array(differenceSchema), next: z.string().nullable() }),
        },
      },
    },
    async ({ query: { before, ...query } }) => {
      const differences = await store.differences({
        ...query,
        ...(before !== undefined && { before }),
      })
      const last = differences.length < query.limit ? undefined : differences.at(-1)
      return { differences, next: nextOf(last?.at, last?.id) }
    },
  )

  app.get(
    '/v1/admin/differences/:difference',
    {
      config: { access: 'operator' },
      schema: {
        security,
        params: z.object({ difference: z.string().max(64) }),
        description:
          'A difference with both of its sides: what Stripe has told of it, and what our books say must have moved',
        response: { 200: differenceSchema.extend(sidesSchema) },
      },
    },
    async ({ params }) => {
      const found = await store.difference(params.difference)
      if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such difference')
      const { seen, booked } = await store.differenceSides(found.subject)
      return { ...found, seen: [...seen], booked: [...booked] }
    },
  )

  app.post(
    '/v1/admin/differences/:difference/resolve',
    {
      config: { access: 'operator' },
      schema: {
        security,
        params: z.object({ difference: z.string().max(64) }),
        body: z.strictObject({ note: z.string().trim().min(1).max(500) }),
        description:
          'Says that it was looked at, and why it is right; it is open again when its amounts change',
        response: { 200: differenceSchema },
      },
    },
    (request) =>
      store.resolveDifference(
        request.params.difference,
        request.body.note,
        operatorOf(request).id,
        now(),
      ),
  )
}
