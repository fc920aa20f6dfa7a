import { randomUUID } from 'node:crypto'
import type { FastifyContextConfig, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { ask } from '../rights/ask.ts'
import type { DataExport } from '../rights/export-run-store.ts'
import type { Subject } from '../rights/request-store.ts'
import type { RightsRequest } from '../rights/rights-request.ts'
import { tellSubject } from '../rights/tell-subject.ts'
import type { App } from './app.ts'
import { background } from './background.ts'
import { ARCHIVE, sendArchive, sendExport } from './gdpr-archive.ts'
import {
  askBody,
  exportSchema,
  requestDetailSchema,
  requestSchema,
  toExportJson,
  toRequestDetail,
  toRequestJson,
} from './gdpr-schemas.ts'
import { nextOf, timePage } from './schemas.ts'

/** Whom the routes below a path are about, and who may call them. */
export interface SubjectRoutes {
  readonly prefix: '/v1/gdpr' | '/v1/gdpr/me'
  readonly read: FastifyContextConfig
  readonly write: FastifyContextConfig
  readonly security: Readonly<Record<string, readonly string[]>>[]
  readonly subjectOf: (request: FastifyRequest) => Subject
  readonly actorOf: (request: FastifyRequest) => string
}

/** What somebody may ask about their own data, and get at once. */
export function gdprSubjectRoutes(
  app: App,
  context: SettlementContext,
  { prefix, read, write, security, subjectOf, actorOf }: SubjectRoutes,
): void {
  const { store, now } = context
  const later = background(app)

  app.get(
    `${prefix}/requests`,
    {
      config: read,
      schema: {
        security,
        description:
          'What was asked about these data, newest first, with every step and its deadline.',
        querystring: timePage,
        response: {
          200: z.object({ requests: z.array(requestSchema), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const { limit, before } = request.query
      const found = await store.rightsRequests({
        subject: subjectOf(request),
        limit,
        ...(before !== undefined && { before }),
      })
      const last = found.length < limit ? undefined : found.at(-1)
      return { requests: found.map(toRequestJson), next: nextOf(last?.receivedAt, last?.id) }
    },
  )

  app.post(
    `${prefix}/requests`,
    {
      config: write,
      schema: {
        security,
        description:
          'Asks for access, rectification, restriction, or objects (GDPR, Articles 15, 16, 18, 21). The answer comes within a month. An export and an erasure need no request: they have routes of their own.',
        body: askBody,
        response: { 200: requestSchema },
      },
    },
    async (request) => {
      const { kind, note = null } = request.body
      const subject = subjectOf(request)
      const by = actorOf(request)
      return toRequestJson(await ask(context, { kind, subject, by, note, isIdentified: true }))
    },
  )

  app.get(
    `${prefix}/requests/:request`,
    {
      config: read,
      schema: {
        security,
        description:
          'One request; of an erasure, also what nodes were asked to erase; of a restriction, which nodes have had something of its subject (Article 19).',
        params: z.object({ request: z.string().max(64) }),
        response: { 200: requestDetailSchema },
      },
    },
    async (request) =>
      toRequestDetail(
        context,
        await ownRequest(context, request.params.request, subjectOf(request)),
      ),
  )

  app.post(
    `${prefix}/requests/:request/withdraw`,
    {
      config: write,
      schema: {
        security,
        description:
          'Withdraws a restriction: what it kept back is done again from now on, with the consent of whoever asked for it (GDPR, Article 18(2)).',
        params: z.object({ request: z.string().max(64) }),
        response: { 200: requestSchema },
      },
    },
    async (request) => {
      const { id } = await ownRequest(context, request.params.request, subjectOf(request))
      const told = { by: actorOf(request), note: null, at: now() }
      const step = { step: 'withdrawn' } as const
      const after = await store.advanceRightsRequest(id, step, told)
      later(tellSubject(context, after, step))
      return toRequestJson(after)
    },
  )

  app.get(
    `${prefix}/export`,
    {
      config: read,
      schema: {
        security,
        description:
          'Everything that is held about the subject, with its audit trail, as an archive of JSON files with an index (`.tar.gz`), read as it is sent. For much, ask for an export in the background.',
        produces: ARCHIVE,
      },
    },
    async (request, reply) => sendArchive(reply, context, subjectOf(request)),
  )

  app.get(
    `${prefix}/exports`,
    {
      config: read,
      schema: {
        security,
        description: 'Exports that were asked for, and how far each is.',
        response: { 200: z.object({ exports: z.array(exportSchema) }) },
      },
    },
    async (request) => ({
      exports: (await store.dataExports(subjectOf(request))).map(toExportJson),
    }),
  )

  app.post(
    `${prefix}/exports`,
    {
      config: write,
      schema: {
        security,
        description: 'Asks for an export in the background; one that waits already is the answer.',
        response: { 200: exportSchema },
      },
    },
    async (request) => {
      const subject = subjectOf(request)
      const by = actorOf(request)
      const id = `dx_${randomUUID()}`
      return toExportJson(await store.askForExport({ id, subject, by, at: now() }))
    },
  )

  app.get(
    `${prefix}/exports/:export/file`,
    {
      config: read,
      schema: { security, params: z.object({ export: z.string().max(64) }), produces: ARCHIVE },
    },
    async (request, reply) =>
      sendExport(
        reply,
        context,
        await ownExport(context, request.params.export, subjectOf(request)),
      ),
  )
}

const isOf = (subject: Subject, found: { subjectKind: string; subject: string }): boolean =>
  found.subjectKind === subject.kind && found.subject === subject.id

/** @throws {SettlementError} HANSE_NOT_FOUND when it is another's, too */
async function ownRequest(
  { store }: SettlementContext,
  id: string,
  subject: Subject,
): Promise<RightsRequest> {
  const found = await store.rightsRequest(id)
  if (found !== undefined && isOf(subject, found)) return found
  throw new SettlementError('HANSE_NOT_FOUND', 'no such request')
}

/** @throws {SettlementError} HANSE_NOT_FOUND when it is another's, too */
async function ownExport(
  { store }: SettlementContext,
  id: string,
  subject: Subject,
): Promise<DataExport> {
  const found = await store.dataExport(id)
  if (found !== undefined && isOf(subject, found)) return found
  throw new SettlementError('HANSE_NOT_FOUND', 'no such export')
}
