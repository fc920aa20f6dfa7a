import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { ask, eraseOnRequest } from '../rights/ask.ts'
import { REGISTER, SUBJECT_KINDS } from '../rights/register/index.ts'
import {
  EXTENSION_GROUNDS,
  REFUSAL_GROUNDS,
  REQUEST_KINDS,
  REQUEST_STATES,
  type RefusalGround,
} from '../rights/rights-request.ts'
import { tellSubject } from '../rights/tell-subject.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'
import { background } from './background.ts'
import { ARCHIVE, sendExport } from './gdpr-archive.ts'
import {
  erasureSchema,
  exportSchema,
  noteText,
  requestDetailSchema,
  requestSchema,
  toErasureJson,
  toExportJson,
  toRequestDetail,
  toRequestJson,
} from './gdpr-schemas.ts'
import { nextOf, timePage } from './schemas.ts'

const security = [{ key: [] }]
const DAY_MS = 86_400_000

const subjectQuery = { subjectKind: z.enum(SUBJECT_KINDS), subject: z.string().min(1).max(128) }
const params = z.object({ request: z.string().max(64) })

const note = { note: noteText.optional() }
const refusal = z.enum(Object.keys(REFUSAL_GROUNDS) as [RefusalGround, ...RefusalGround[]])
const stepBody = z.discriminatedUnion('step', [
  z.strictObject({ step: z.enum(['identified', 'begun', 'done', 'announced', 'lifted']), ...note }),
  z.strictObject({ step: z.literal('noted'), note: noteText }),
  z.strictObject({ step: z.literal('extended'), ground: z.enum(EXTENSION_GROUNDS), ...note }),
  z.strictObject({ step: z.literal('refused'), ground: refusal, ...note }),
])

/** Requests about data, for those who answer them; also for people who are locked out and write a letter. */
export function gdprAdminRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  const later = background(app)

  app.get(
    '/v1/admin/gdpr/requests',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'Newest first. With `dueWithinDays`, only open ones that are due by then, or overdue.',
        querystring: timePage.extend({
          kind: z.enum(REQUEST_KINDS).optional(),
          state: z.enum(REQUEST_STATES).optional(),
          subjectKind: subjectQuery.subjectKind.optional(),
          subject: subjectQuery.subject.optional(),
          dueWithinDays: z.coerce.number().int().min(0).max(100).optional(),
        }),
        response: {
          200: z.object({ requests: z.array(requestSchema), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const { limit, before, kind, state, subjectKind, subject, dueWithinDays } = request.query
      if ((subjectKind === undefined) !== (subject === undefined)) {
        throw new SettlementError('HANSE_REQUEST_INVALID', 'subject and subjectKind go together')
      }
      const found = await store.rightsRequests({
        limit,
        ...(before !== undefined && { before }),
        ...(kind !== undefined && { kind }),
        ...(state !== undefined && { state }),
        ...(subjectKind !== undefined &&
          subject !== undefined && { subject: { kind: subjectKind, id: subject } }),
        ...(dueWithinDays !== undefined && { dueBy: now() + dueWithinDays * DAY_MS }),
      })
      const last = found.length < limit ? undefined : found.at(-1)
      return { requests: found.map(toRequestJson), next: nextOf(last?.receivedAt, last?.id) }
    },
  )

  app.post(
    '/v1/admin/gdpr/requests',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'Writes down what somebody asks who cannot sign in. Who they are has to be looked at before anything is done.',
        body: z.strictObject({ kind: z.enum(REQUEST_KINDS), ...subjectQuery, ...note }),
        response: { 200: requestSchema },
      },
    },
    async (request) => {
      const { kind, subjectKind, subject, note: told = null } = request.body
      const by = `operator:${operatorOf(request).id}`
      const about = { kind: subjectKind, id: subject }
      return toRequestJson(
        await ask(context, { kind, subject: about, by, note: told, isIdentified: false }),
      )
    },
  )

  app.get(
    '/v1/admin/gdpr/requests/:request',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'One request; of an erasure, also what nodes were asked to erase; of a restriction, which nodes have had something of its subject (Article 19).',
        params,
        response: { 200: requestDetailSchema },
      },
    },
    async (request) => toRequestDetail(context, await requestOf(request.params.request)),
  )

  app.post(
    '/v1/admin/gdpr/requests/:request/steps',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'Takes the next step: whoever asked was identified, work has begun, it is done, or refused on a ground of the law; or the month is extended by two, once, and with a reason. A restriction is lifted three days after that was announced (Article 18(3)). Whoever asked is told by mail. A note changes nothing.',
        params,
        body: stepBody,
        response: { 200: requestSchema },
      },
    },
    async (request) => {
      const { note: told = null, ...step } = request.body
      const { id, kind } = await requestOf(request.params.request)
      if (kind === 'erasure' && step.step === 'done') {
        throw new SettlementError(
          'HANSE_RIGHTS_REQUEST_STATE',
          'an erasure is done by carrying it out',
        )
      }
      const by = `operator:${operatorOf(request).id}`
      const after = await store.advanceRightsRequest(id, step, { by, note: told, at: now() })
      later(tellSubject(context, after, step))
      return toRequestJson(after)
    },
  )

  app.post(
    '/v1/admin/gdpr/requests/:request/erasure',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'Carries out the erasure that a request asks for, once it was identified who asks.',
        params,
        body: z.strictObject({ giveUpBalance: z.boolean().default(false) }),
        response: { 200: erasureSchema },
      },
    },
    async (request) => {
      const found = await requestOf(request.params.request)
      if (found.kind !== 'erasure') {
        throw new SettlementError('HANSE_RIGHTS_REQUEST_STATE', 'it asks for something else')
      }
      const subject = { kind: found.subjectKind, id: found.subject }
      const by = `operator:${operatorOf(request).id}`
      const givesUpBalance = request.body.giveUpBalance
      return toErasureJson(
        await eraseOnRequest(context, { subject, by, givesUpBalance, request: found }),
      )
    },
  )

  app.get(
    '/v1/admin/gdpr/exports',
    {
      config: { access: 'operator' },
      schema: {
        security,
        querystring: z.strictObject(subjectQuery),
        response: { 200: z.object({ exports: z.array(exportSchema) }) },
      },
    },
    async ({ query: { subjectKind, subject } }) => ({
      exports: (await store.dataExports({ kind: subjectKind, id: subject })).map(toExportJson),
    }),
  )

  app.post(
    '/v1/admin/gdpr/exports',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'Has an export made, for whoever cannot fetch it; also of what is left after an erasure.',
        body: z.strictObject(subjectQuery),
        response: { 200: exportSchema },
      },
    },
    async (request) => {
      const { subjectKind, subject } = request.body
      const by = `operator:${operatorOf(request).id}`
      const id = `dx_${randomUUID()}`
      const about = { kind: subjectKind, id: subject }
      return toExportJson(await store.askForExport({ id, subject: about, by, at: now() }))
    },
  )

  app.get(
    '/v1/admin/gdpr/exports/:export/file',
    {
      config: { access: 'operator' },
      schema: { security, params: z.object({ export: z.string().max(64) }), produces: ARCHIVE },
    },
    async (request, reply) => {
      const made = await store.dataExport(request.params.export)
      if (made === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such export')
      return sendExport(reply, context, made)
    },
  )

  app.get(
    '/v1/admin/gdpr/register',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'The register of personal data: what each table holds about whom, why, for how long, and what an erasure does.',
        response: { 200: z.object({ tables: z.record(z.string(), z.unknown()) }) },
      },
    },
    () => ({ tables: REGISTER }),
  )

  app.post(
    '/v1/admin/gdpr/scrub',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'Writes the tables anew that erasures touched, now instead of tonight. Each is locked while that takes.',
        response: {
          200: z.object({
            erasures: z.number(),
            tables: z.number(),
            walSegments: z.number().nullable(),
          }),
        },
      },
    },
    () => store.scrubErased(now()),
  )

  async function requestOf(id: string) {
    const found = await store.rightsRequest(id)
    if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such request')
    return found
  }
}
