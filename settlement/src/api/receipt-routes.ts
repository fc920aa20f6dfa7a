import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { type CountedResult, refusedIn } from '../ingest/ingest-counts.ts'
import type { Ingest } from '../ingest/ingest-service.ts'
import { STATEMENTS_BYTES_MAX } from '../receipts/statement-batch.ts'
import { SUBMISSION_BYTES_MAX } from '../receipts/submission.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { takeBodies } from './ingest-body.ts'
import { money, nextOf, timePage } from './schemas.ts'

const resultSchema = z.union([
  z.object({ status: z.literal('booked'), session: z.string(), increase: money }),
  z.object({ status: z.enum(['duplicate', 'superseded']), session: z.string() }),
  z.object({ status: z.literal('rejected'), code: z.string(), message: z.string() }),
])

const statementResultSchema = z.union([
  z.object({
    status: z.enum(['booked', 'duplicate']),
    statement: z.string(),
    increase: money,
    sessions: z.object({
      booked: z.number(),
      duplicate: z.number(),
      superseded: z.number(),
    }),
    refused: z
      .array(z.object({ session: z.string(), code: z.string(), message: z.string() }))
      .readonly(),
  }),
  z.object({ status: z.literal('rejected'), code: z.string(), message: z.string() }),
])

const sessionSchema = z.object({
  session: z.string(),
  consumer: z.string(),
  provider: z.string(),
  model: z.string(),
  sequence: money,
  receipt: z.string(),
  amount: money,
  fee: money,
  inputTokens: money,
  cachedInputTokens: money,
  outputTokens: money,
  final: z.string().nullable(),
  statement: z.string().nullable(),
  acceptedAt: z.number(),
  updatedAt: z.number(),
})

/** The key of a session is its order's, or that with the two peers behind it. */
const sessionPage = timePage.extend({
  before: z
    .string()
    .regex(/^\d{1,15}\.[\w~]{1,250}$/u)
    .transform((text) => {
      const dot = text.indexOf('.')
      return { at: Number(text.slice(0, dot)), id: text.slice(dot + 1) }
    })
    .optional(),
})

/** Receipts and statements carry their own proof, so either side may send them without a key. */
export function receiptRoutes(app: App, context: SettlementContext, ingest: Ingest): void {
  app.register(async (scope) => ingestRoutes(scope as unknown as App, ingest))

  app.get(
    '/v1/receipts',
    {
      config: { permission: 'usage:read' },
      schema: {
        security: [{ key: [] }],
        description:
          'The sessions that the organization paid for, each with its last receipt that was settled, newest first',
        querystring: sessionPage,
        response: {
          200: z.object({ receipts: z.array(sessionSchema), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { limit, before } = request.query
      const found = await context.store.sessionsOf({
        organization,
        limit,
        ...(before !== undefined && { before }),
      })
      const last = found.length < limit ? undefined : found.at(-1)
      return { receipts: found, next: nextOf(last?.updatedAt, last?.key) }
    },
  )

  app.get(
    '/v1/receipts/:session',
    {
      config: { access: 'public' },
      schema: {
        params: z.object({ session: z.string().max(80) }),
        response: { 200: sessionSchema },
      },
    },
    async (request) => {
      const found = await context.store.session(request.params.session)
      if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such session')
      return found
    },
  )
}

function ingestRoutes(app: App, ingest: Ingest): void {
  const atWork = takeBodies(app, ingest.room)

  app.post(
    '/v1/receipts',
    {
      config: { access: 'signed' },
      bodyLimit: SUBMISSION_BYTES_MAX,
      schema: {
        consumes: ['application/cbor'],
        description: 'DAG-CBOR {items: [{order, acceptance, authorization, attestation, receipt}]}',
        response: { 200: z.object({ results: z.array(resultSchema) }) },
      },
    },
    async (request) => {
      const results = await atWork(request, () => ingest.receipts(cborBody(request.body)))
      tellRefused(request, results)
      return { results }
    },
  )

  app.post(
    '/v1/statements',
    {
      config: { access: 'signed' },
      bodyLimit: STATEMENTS_BYTES_MAX,
      schema: {
        consumes: ['application/cbor'],
        description: 'DAG-CBOR {items: [{statement, lines}]}: statements with their encoded lines',
        response: { 200: z.object({ results: z.array(statementResultSchema) }) },
      },
    },
    async (request) => {
      const results = await atWork(request, () => ingest.statements(cborBody(request.body)))
      tellRefused(request, results)
      return { results }
    },
  )
}

/** Codes and how often, nothing of what was sent: those who try what does not work are seen by them. */
function tellRefused(request: FastifyRequest, results: readonly CountedResult[]): void {
  const refused = refusedIn(results)
  if (Object.keys(refused).length > 0) request.log.warn({ refused, address: request.ip }, 'refused')
}

/** @throws {SettlementError} HANSE_MEDIA_TYPE */
export function cborBody(body: unknown): Uint8Array {
  if (!(body instanceof Uint8Array)) {
    throw new SettlementError('HANSE_MEDIA_TYPE', 'send application/cbor')
  }
  return body
}
