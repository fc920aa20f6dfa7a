import { signedRecordSchema } from '@hanse/protocol'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { deletionsFor, takeConfirmation } from '../deletion/ask-nodes.ts'
import { DELETION_STATES } from '../deletion/deletion-store.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { deletionSchema, toDeletionJson } from './deletion-schemas.ts'
import { providerOf } from './provider-auth.ts'
import { counterCursor, counterPage, peerId, signedJson, toSignedJson } from './schemas.ts'

/** A node asks every few minutes, and answers each request once or a few times. */
const REQUESTS_PER_MINUTE = 60
const rateLimit = { max: REQUESTS_PER_MINUTE, timeWindow: 60_000 }
/** The record has 8192 bytes at most; in base64, with its signature. */
const BODY_BYTES_MAX = 16 * 1024

const base64 = z.base64().transform((text) => new Uint8Array(Buffer.from(text, 'base64')))
const signature = z.strictObject({ signer: z.string(), role: z.string(), signature: base64 })
const signedBody = z.strictObject({ bytes: base64, signatures: z.array(signature).max(2) })

/** What nodes are asked to erase, for them and for operators. */
export function deletionRoutes(app: App, context: SettlementContext): void {
  nodeRoutes(app, context)
  operatorRoutes(app, context)
}

function nodeRoutes(app: App, context: SettlementContext): void {
  app.get(
    '/v1/gdpr/deletions',
    {
      config: { access: 'signed', rateLimit },
      schema: {
        description:
          'What the node that signs the request (RFC 9421) is asked to erase and has not confirmed, each a signed DeletionRequest. `after` is the `next` of the page before.',
        querystring: z.strictObject({ after: counterCursor.default(0n) }),
        response: { 200: z.object({ requests: z.array(signedJson), next: z.string().nullable() }) },
      },
    },
    async (request) => {
      const node = providerOf(request, context)
      const { requests, next } = await deletionsFor(context, node, request.query.after)
      return { requests: requests.map(toSignedJson), next: next?.toString() ?? null }
    },
  )

  app.post(
    '/v1/gdpr/deletions/confirmations',
    {
      config: { access: 'signed', rateLimit },
      bodyLimit: BODY_BYTES_MAX,
      schema: {
        description:
          'Says what a node has erased and what it keeps: a signed DeletionConfirmation. The same again changes nothing.',
        body: signedBody,
        response: { 200: z.object({ state: z.enum(DELETION_STATES) }) },
      },
    },
    async (request) => {
      const signed = signedRecordSchema.safeParse(request.body)
      if (!signed.success) {
        throw new SettlementError('HANSE_REQUEST_INVALID', 'send a signed record')
      }
      const { state } = await takeConfirmation(context, signed.data)
      return { state }
    },
  )
}

function operatorRoutes(app: App, { store }: SettlementContext): void {
  app.get(
    '/v1/admin/gdpr/deletions',
    {
      config: { access: 'operator' },
      schema: {
        security: [{ key: [] }],
        description:
          'What nodes were asked to erase, newest first: whether they fetched it, what they erased, what they keep and why.',
        querystring: counterPage.extend({
          request: z.string().max(64).optional(),
          node: peerId.optional(),
          state: z.enum(DELETION_STATES).optional(),
        }),
        response: {
          200: z.object({ deletions: z.array(deletionSchema), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const { limit, before, request: of, node, state } = request.query
      const found = await store.deletionRequests({
        limit,
        ...(before !== undefined && { before }),
        ...(of !== undefined && { request: of }),
        ...(node !== undefined && { node }),
        ...(state !== undefined && { state }),
      })
      const last = found.length < limit ? undefined : found.at(-1)
      return { deletions: found.map(toDeletionJson), next: last?.id.toString() ?? null }
    },
  )
}
