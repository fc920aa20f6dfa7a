import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { ask, eraseOnRequest } from '../rights/ask.ts'
import type { Subject } from '../rights/request-store.ts'
import type { App } from './app.ts'
import { ARCHIVE, sendArchive, sendExport } from './gdpr-archive.ts'
import {
  askBody,
  erasureSchema,
  exportSchema,
  requestDetailSchema,
  requestSchema,
  toErasureJson,
  toExportJson,
  toRequestDetail,
  toRequestJson,
} from './gdpr-schemas.ts'
import { providerOf } from './provider-auth.ts'
import { givenJson, takeRawJson } from './raw-json.ts'
import { nextOf, timePage } from './schemas.ts'

/** A note of 2000 characters of four bytes each, escaped. */
const BODY_BYTES_MAX = 32 * 1024
const config = { access: 'signed' } as const
const PREFIX = '/v1/providers/self/gdpr'

export const providerEraseBody = z.strictObject({
  confirm: z.string().max(64),
  giveUpBalance: z.boolean().default(false),
})

/** What a provider, who is often a person, may ask about its own data: its node’s key says that it is the provider. */
export function providerRightsRoutes(app: App, context: SettlementContext): void {
  app.register(async (scope) => {
    const routes = scope as unknown as App
    takeRawJson(routes, BODY_BYTES_MAX)
    askRoutes(routes, context)
    exportRoutes(routes, context)
  })
}

function askRoutes(app: App, context: SettlementContext): void {
  const { store } = context
  app.get(
    `${PREFIX}/requests`,
    {
      config,
      schema: {
        description: 'What this provider has asked about its data, newest first, with every step.',
        querystring: timePage,
        response: {
          200: z.object({ requests: z.array(requestSchema), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const subject = await subjectOf(request, context)
      const { limit, before } = request.query
      const found = await store.rightsRequests({
        subject,
        limit,
        ...(before !== undefined && { before }),
      })
      const last = found.length < limit ? undefined : found.at(-1)
      return { requests: found.map(toRequestJson), next: nextOf(last?.receivedAt, last?.id) }
    },
  )

  app.post(
    `${PREFIX}/requests`,
    {
      config,
      schema: {
        description:
          'Asks for access, rectification, restriction, or objects (GDPR, Articles 15, 16, 18, 21), with JSON of {"kind", "note"}.',
        response: { 200: requestSchema },
      },
    },
    async (request) => {
      const subject = await subjectOf(request, context)
      const { kind, note = null } = givenJson(request.body, askBody)
      const by = `provider:${subject.id}`
      return toRequestJson(await ask(context, { kind, subject, by, note, isIdentified: true }))
    },
  )

  app.get(
    `${PREFIX}/requests/:request`,
    {
      config,
      schema: {
        params: z.object({ request: z.string().max(64) }),
        response: { 200: requestDetailSchema },
      },
    },
    async (request) => {
      const subject = await subjectOf(request, context)
      const found = await store.rightsRequest(request.params.request)
      if (!isOwn(found, subject)) throw new SettlementError('HANSE_NOT_FOUND', 'no such request')
      return toRequestDetail(context, found)
    },
  )

  app.post(
    `${PREFIX}/requests/:request/withdraw`,
    {
      config,
      schema: {
        description:
          'Withdraws a restriction: what it kept back is done again from now on (GDPR, Article 18(2)).',
        params: z.object({ request: z.string().max(64) }),
        response: { 200: requestSchema },
      },
    },
    async (request) => {
      const subject = await subjectOf(request, context)
      const found = await store.rightsRequest(request.params.request)
      if (!isOwn(found, subject)) throw new SettlementError('HANSE_NOT_FOUND', 'no such request')
      const told = { by: `provider:${subject.id}`, note: null, at: context.now() }
      return toRequestJson(await store.advanceRightsRequest(found.id, { step: 'withdrawn' }, told))
    },
  )

  app.post(
    `${PREFIX}/erase`,
    {
      config,
      schema: {
        description:
          'Erases what is held about this provider and no law wants kept, for good: JSON of {"confirm": its peer id, "giveUpBalance"}. Books, and what was paid, stay and are named. Money that is owed is paid out before, or given up.',
        response: { 200: erasureSchema },
      },
    },
    async (request) => {
      const subject = await subjectOf(request, context)
      const { confirm, giveUpBalance } = givenJson(request.body, providerEraseBody)
      if (confirm !== subject.id) {
        throw new SettlementError('HANSE_REQUEST_INVALID', 'confirm: not the id of this provider')
      }
      const by = `provider:${subject.id}`
      return toErasureJson(
        await eraseOnRequest(context, { subject, by, givesUpBalance: giveUpBalance }),
      )
    },
  )
}

function exportRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  app.get(
    `${PREFIX}/export`,
    {
      config,
      schema: {
        description:
          'Everything that is held about this provider, as an archive of JSON files with an index (`.tar.gz`), read as it is sent.',
        produces: ARCHIVE,
      },
    },
    async (request, reply) => sendArchive(reply, context, await subjectOf(request, context)),
  )

  app.get(
    `${PREFIX}/exports`,
    {
      config,
      schema: {
        description: 'Exports that were asked for, and how far each is.',
        response: { 200: z.object({ exports: z.array(exportSchema) }) },
      },
    },
    async (request) => ({
      exports: (await store.dataExports(await subjectOf(request, context))).map(toExportJson),
    }),
  )

  app.post(
    `${PREFIX}/exports`,
    {
      config,
      schema: {
        description: 'Asks for an export in the background; one that waits already is the answer.',
        response: { 200: exportSchema },
      },
    },
    async (request) => {
      const subject = await subjectOf(request, context)
      const id = `dx_${randomUUID()}`
      const by = `provider:${subject.id}`
      return toExportJson(await store.askForExport({ id, subject, by, at: now() }))
    },
  )

  app.get(
    `${PREFIX}/exports/:export/file`,
    {
      config,
      schema: { params: z.object({ export: z.string().max(64) }), produces: ARCHIVE },
    },
    async (request, reply) => {
      const subject = await subjectOf(request, context)
      const made = await store.dataExport(request.params.export)
      if (!isOwn(made, subject)) throw new SettlementError('HANSE_NOT_FOUND', 'no such export')
      return sendExport(reply, context, made)
    },
  )
}

/** @throws {SettlementError} HANSE_UNAUTHENTICATED; HANSE_PROVIDER_UNKNOWN for a node of which nothing is held */
async function subjectOf(
  request: FastifyRequest,
  context: SettlementContext,
): Promise<Subject & { readonly kind: 'provider' }> {
  const id = providerOf(request, context)
  if ((await context.store.provider(id)) !== undefined) return { kind: 'provider', id }
  throw new SettlementError('HANSE_PROVIDER_UNKNOWN', `${id} has no payout account here`)
}

function isOwn<Found extends { readonly subjectKind: string; readonly subject: string }>(
  found: Found | undefined,
  { kind, id }: Subject,
): found is Found {
  return found?.subjectKind === kind && found.subject === id
}
