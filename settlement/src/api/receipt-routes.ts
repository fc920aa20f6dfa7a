import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { ingest } from '../receipts/ingest.ts'
import { ingestStatements } from '../receipts/ingest-statements.ts'
import { readStatements, STATEMENTS_BYTES_MAX } from '../receipts/statement-batch.ts'
import { readSubmissions, SUBMISSION_BYTES_MAX } from '../receipts/submission.ts'
import type { App } from './app.ts'
import { money } from './schemas.ts'

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

/** Receipts and statements carry their own proof, so either side may send them without a key. */
export function receiptRoutes(app: App, context: SettlementContext): void {
  app.post(
    '/v1/receipts',
    {
      bodyLimit: SUBMISSION_BYTES_MAX,
      schema: {
        consumes: ['application/cbor'],
        description: 'DAG-CBOR {items: [{order, acceptance, authorization, attestation, receipt}]}',
        response: { 200: z.object({ results: z.array(resultSchema) }) },
      },
    },
    async (request) => ({
      results: await ingest(context, readSubmissions(cborBody(request.body))),
    }),
  )

  app.post(
    '/v1/statements',
    {
      bodyLimit: STATEMENTS_BYTES_MAX,
      schema: {
        consumes: ['application/cbor'],
        description: 'DAG-CBOR {items: [{statement, lines}]}: statements with their encoded lines',
        response: { 200: z.object({ results: z.array(statementResultSchema) }) },
      },
    },
    async (request) => ({
      results: await ingestStatements(context, readStatements(cborBody(request.body))),
    }),
  )

  app.get(
    '/v1/receipts/:session',
    {
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

/** @throws {SettlementError} HANSE_MEDIA_TYPE */
export function cborBody(body: unknown): Uint8Array {
  if (!(body instanceof Uint8Array)) {
    throw new SettlementError('HANSE_MEDIA_TYPE', 'send application/cbor')
  }
  return body
}
