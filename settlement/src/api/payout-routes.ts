import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { continuePayouts, runPayouts } from '../payouts/payout-run.ts'
import { reversePayout } from '../payouts/reverse-payout.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'
import { cents, idempotencyKey, money, peerId } from './schemas.ts'

const security = [{ key: [] }]
const PAGE_MAX = 500
const limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(100)
const id = z.string().min(1).max(64)
const reason = z.string().trim().min(1).max(500)
/** An answer takes no longer than this; what is left of the run is the service's own to go on with. */
const ANSWER_MS = 60_000

const payoutSchema = z.object({
  id: z.string(),
  provider: z.string(),
  run: z.string().nullable(),
  cents: money,
  reversedCents: money,
  state: z.enum(['pending', 'submitted', 'paid', 'failed']),
  transfer: z.string().nullable(),
  failure: z.string().nullable(),
  createdAt: z.number(),
  updatedAt: z.number(),
})

const runState = z.enum(['gathered', 'approved', 'executing', 'done', 'cancelled'])
const runSchema = z.object({
  id: z.string(),
  state: runState,
  payouts: z.number(),
  cents: money,
  gatheredBy: z.string(),
  gatheredAt: z.number(),
  decidedBy: z.string().nullable(),
  decidedAt: z.number().nullable(),
  doneAt: z.number().nullable(),
})

const holdSchema = z.object({
  id: z.string(),
  provider: z.string(),
  reason: z.string(),
  placedBy: z.string(),
  placedAt: z.number(),
  releasedBy: z.string().nullable(),
  releasedAt: z.number().nullable(),
})

const reversalSchema = z.object({
  id: z.string(),
  payout: z.string(),
  cents: money,
  state: z.enum(['submitted', 'done', 'failed']),
  reversal: z.string().nullable(),
  reason: z.string(),
  failure: z.string().nullable(),
  askedBy: z.string(),
  createdAt: z.number(),
})

/** Paying providers: runs and their approval, holds, and what is taken back. */
export function payoutRoutes(app: App, context: SettlementContext): void {
  runRoutes(app, context)
  payoutListRoutes(app, context)
  holdRoutes(app, context)
}

function runRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  const worked = z.object({ run: runSchema.nullable(), payouts: z.array(payoutSchema) })
  const one = { params: z.object({ run: id }) }

  app.post(
    '/v1/admin/payout-runs',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'Gathers what is due and, where nobody must approve it, pays it. Answers within a minute; a longer run goes on.',
        response: { 200: worked },
      },
    },
    async (request) => {
      const signal = AbortSignal.timeout(ANSWER_MS)
      const { run, payouts } = await runPayouts(context, { by: operatorOf(request).id, signal })
      return { run, payouts: [...payouts] }
    },
  )

  app.get(
    '/v1/admin/payout-runs',
    {
      config: { access: 'operator' },
      schema: {
        security,
        querystring: z.strictObject({ limit, before: id.optional(), state: runState.optional() }),
        response: { 200: z.object({ runs: z.array(runSchema), next: z.string().nullable() }) },
      },
    },
    async ({ query }) => {
      const { before, state } = query
      const runs = await store.payoutRuns({
        limit: query.limit,
        ...(before !== undefined && { before }),
        ...(state !== undefined && { state }),
      })
      const last = runs.length < query.limit ? undefined : runs.at(-1)
      return { runs, next: last?.id ?? null }
    },
  )

  app.get(
    '/v1/admin/payout-runs/:run',
    { config: { access: 'operator' }, schema: { security, ...one, response: { 200: runSchema } } },
    async ({ params }) => {
      const run = await store.payoutRun(params.run)
      if (run === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such payout run')
      return run
    },
  )

  app.post(
    '/v1/admin/payout-runs/:run/approve',
    {
      config: { access: 'operator' },
      schema: {
        security,
        ...one,
        description: 'By another operator than who gathered it; then it is paid',
        response: { 200: worked },
      },
    },
    async (request) => {
      const approved = await store.approvePayoutRun(
        request.params.run,
        operatorOf(request).id,
        now(),
      )
      const payouts = await continuePayouts(context, { signal: AbortSignal.timeout(ANSWER_MS) })
      return { run: (await store.payoutRun(approved.id)) ?? approved, payouts }
    },
  )

  app.post(
    '/v1/admin/payout-runs/:run/cancel',
    {
      config: { access: 'operator' },
      schema: {
        security,
        ...one,
        description: 'Everything in it goes back to its providers',
        response: { 200: runSchema },
      },
    },
    (request) => store.cancelPayoutRun(request.params.run, operatorOf(request).id, now()),
  )
}

function payoutListRoutes(app: App, context: SettlementContext): void {
  const { store } = context
  app.get(
    '/v1/admin/payouts',
    {
      config: { access: 'operator' },
      schema: {
        security,
        querystring: z.strictObject({
          limit,
          after: z.string().max(64).default(''),
          provider: peerId.optional(),
          run: id.optional(),
        }),
        response: {
          200: z.object({ payouts: z.array(payoutSchema), next: z.string().nullable() }),
        },
      },
    },
    async ({ query }) => {
      const { provider, run, ...page } = query
      const payouts = await store.payouts({
        ...page,
        ...(provider !== undefined && { provider }),
        ...(run !== undefined && { run }),
      })
      const last = payouts.length < page.limit ? undefined : payouts.at(-1)
      return { payouts, next: last?.id ?? null }
    },
  )

  app.get(
    '/v1/admin/payouts/:payout',
    {
      config: { access: 'operator' },
      schema: {
        security,
        params: z.object({ payout: id }),
        response: { 200: payoutSchema.extend({ reversals: z.array(reversalSchema) }) },
      },
    },
    async ({ params }) => {
      const payout = await store.payout(params.payout)
      if (payout === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such payout')
      return { ...payout, reversals: await store.payoutReversals([payout.id]) }
    },
  )

  app.post(
    '/v1/admin/payouts/:payout/reversals',
    {
      config: { access: 'operator' },
      schema: {
        security,
        params: z.object({ payout: id }),
        description:
          'Takes back all of it, or `cents`. Unless `hold` is false, nothing more is paid to the provider until the hold is released: what came back would be paid again.',
        body: z.strictObject({
          cents: cents.optional(),
          reason,
          hold: z.boolean().default(true),
        }),
        response: { 200: reversalSchema },
      },
    },
    async (request) => {
      const key = idempotencyKey.safeParse(request.headers['idempotency-key'])
      if (!key.success) {
        throw new SettlementError('HANSE_IDEMPOTENCY_KEY', 'the header idempotency-key is missing')
      }
      const { cents: part, ...body } = request.body
      return reversePayout(context, {
        ...body,
        payout: request.params.payout,
        cents: part ?? null,
        by: operatorOf(request).id,
        idempotencyKey: key.data,
      })
    },
  )
}

function holdRoutes(app: App, { store, now }: SettlementContext): void {
  const one = { params: z.object({ peerId }) }
  app.put(
    '/v1/admin/providers/:peerId/payout-hold',
    {
      config: { access: 'operator' },
      schema: {
        security,
        ...one,
        body: z.strictObject({ reason }),
        response: { 200: holdSchema },
      },
    },
    (request) =>
      store.holdPayouts({
        provider: request.params.peerId,
        reason: request.body.reason,
        by: operatorOf(request).id,
        at: now(),
      }),
  )

  app.delete(
    '/v1/admin/providers/:peerId/payout-hold',
    { config: { access: 'operator' }, schema: { security, ...one, response: { 200: holdSchema } } },
    (request) => store.releasePayouts(request.params.peerId, operatorOf(request).id, now()),
  )

  app.get(
    '/v1/admin/payout-holds',
    {
      config: { access: 'operator' },
      schema: {
        security,
        querystring: z.strictObject({
          limit,
          provider: peerId.optional(),
          open: z.stringbool().default(true),
        }),
        response: { 200: z.object({ holds: z.array(holdSchema) }) },
      },
    },
    async ({ query: { provider, ...query } }) => ({
      holds: await store.payoutHolds({ ...query, ...(provider !== undefined && { provider }) }),
    }),
  )
}
