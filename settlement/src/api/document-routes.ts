import type { FastifyContextConfig, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { DOCUMENT_KINDS, type DocumentContent } from '../documents/document.ts'
import { digestCid } from '../documents/document-digest.ts'
import { readDocument } from '../documents/document-schema.ts'
import { DUTIES, openForDuty } from '../documents/open-for-duty.ts'
import { LANGUAGES } from '../documents/render/words.ts'
import { FORMATS, type Format, showDocument } from '../documents/show-document.ts'
import type { ListedDocument, StoredDocument } from '../documents/stored-document.ts'
import { verifyDocument } from '../documents/verify-document.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { operatorOf, principal } from './auth.ts'
import { nodeWay, ownerWay, type PathParameters } from './provider-ways.ts'
import { money } from './schemas.ts'

const security = [{ key: [] }]
const PAGE_MAX = 500
const limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(100)
const digits = z
  .string()
  .regex(/^\d{1,18}$/u)
  .transform(BigInt)

const NUMBER = /^[A-Z]{2,3}-\d{4}-\d{6,9}$/u
const number = z.string().regex(NUMBER)
/** A number, and the form that is wanted: `INV-2026-000001.pdf`. */
const file = z
  .string()
  .regex(/^[A-Z]{2,3}-\d{4}-\d{6,9}(?:\.(?:json|pdf|xml|csv))?$/u)
  .transform((text) => {
    const [name = '', format = 'json'] = text.split('.')
    return { number: name, format: format as Format }
  })

const summarySchema = z.object({
  number: z.string(),
  kind: z.enum(DOCUMENT_KINDS),
  party: z.string(),
  test: z.boolean(),
  issuedAt: z.number(),
  period: z.object({ from: z.number(), to: z.number() }).nullable(),
  corrects: z.string().nullable(),
  netCents: money,
  vatCents: money,
  grossCents: money,
  sha256: z.string(),
  /** Shows that the log holds it as it was issued. */
  proof: z.string(),
})

const receiptSchema = z.object({
  /** Also the name under which the log proves it: `/v1/log/proof/<order>`. */
  order: z.string(),
  sequence: money,
  receipt: z.string(),
  statement: z.string().nullable(),
  increase: money,
  at: z.number(),
  proof: z.string(),
})

/** A PDF takes some milliseconds of the thread that answers everybody, a long one a hundred. */
const config = { rateLimit: { max: 300, timeWindow: 60_000 } }

/** Whose documents somebody may see; the operator may see all. */
interface Scope {
  readonly organization?: string
  readonly provider?: string
}

/** Invoices and statements: of an organization, of a provider (its node's signature, or who looks after it), and all. */
export function documentRoutes(app: App, context: SettlementContext): void {
  const { store } = context
  reading(app, context, '/v1', {
    // Names and addresses are for those who pay.
    access: { permission: 'billing:read' },
    scope: async (request) => ({ organization: principal(request).organization }),
  })
  for (const way of [nodeWay(context), ownerWay(context)]) {
    reading(app, context, way.prefix, {
      access: way.config,
      params: way.params,
      scope: async (request) => ({ provider: await way.reader(request) }),
    })
  }
  reading(app, context, '/v1/admin', { access: { access: 'operator' }, scope: async () => ({}) })

  app.get(
    '/v1/admin/documents/:number/check',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'Makes the document again out of receipts, payments and the ledger, and compares',
        params: z.object({ number }),
        response: {
          200: z.object({
            number: z.string(),
            sound: z.boolean(),
            compared: z.enum(['document', 'figures']),
            logged: z.string().nullable(),
            stored: z.string(),
            derived: z.string(),
            differences: z
              .array(z.object({ field: z.string(), expected: z.string(), actual: z.string() }))
              .readonly(),
          }),
        },
      },
    },
    ({ params }) => verifyDocument(store, params.number),
  )

  app.post(
    '/v1/admin/documents/:number/openings',
    {
      config: { ...config, access: 'operator' },
      schema: {
        security,
        description:
          'A document of who was erased, opened for a duty. Who opens it, when and for what is written into the access log and the transparency log first',
        params: z.object({ number }),
        body: z.strictObject({
          duty: z.enum(DUTIES),
          reference: z.string().trim().min(1).max(120),
          format: z.enum(['json', 'pdf', 'xml', 'csv']).default('json'),
          lang: z.enum(LANGUAGES).optional(),
        }),
      },
    },
    async (request, reply) => {
      const { number: wanted } = request.params
      const { duty, reference, format, lang } = request.body
      const by = operatorOf(request).id
      const opening = { number: wanted, duty, reference, by, address: request.ip }
      const content = await openForDuty(context, opening)
      return sendDocument(reply, {
        name: `${wanted}.${format}`,
        format,
        shown: await showDocument(context, content, format, lang),
      })
    },
  )
}

/** Nobody keeps a copy on the way. */
const sendDocument = (
  reply: FastifyReply,
  { name, format, shown }: { name: string; format: Format; shown: Buffer },
) =>
  reply
    .type(FORMATS[format])
    .header('content-disposition', `inline; filename="${name}"`)
    .header('cache-control', 'private, no-store')
    .send(shown)

function reading(
  app: App,
  context: SettlementContext,
  prefix: string,
  {
    access,
    params = z.object({}),
    scope,
  }: {
    access: FastifyContextConfig
    /** Of the path, where the prefix has some. */
    params?: PathParameters
    scope: (request: FastifyRequest) => Promise<Scope>
  },
): void {
  const { store } = context

  /** Of another party's document nobody learns that it is there. */
  const find = async (request: FastifyRequest, wanted: string): Promise<StoredDocument> => {
    const { organization, provider } = await scope(request)
    const found = await store.document(wanted)
    const isTheirs =
      (organization === undefined || found?.organization === organization) &&
      (provider === undefined || found?.provider === provider)
    if (found === undefined || !isTheirs) throw missing(wanted)
    return found
  }

  app.get(
    `${prefix}/documents`,
    {
      config: access,
      schema: {
        security,
        params,
        querystring: z.strictObject({
          kind: z.enum(DOCUMENT_KINDS).optional(),
          before: digits.optional(),
          limit,
        }),
        response: {
          200: z.object({ documents: z.array(summarySchema), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const { kind, before } = request.query
      const found = await store.documents({
        ...(await scope(request)),
        ...(kind !== undefined && { kind }),
        ...(before !== undefined && { before }),
        limit: request.query.limit,
      })
      const last = found.length < request.query.limit ? undefined : found.at(-1)
      return { documents: found.map(summaryOf), next: last?.id.toString() ?? null }
    },
  )

  app.get(
    `${prefix}/documents/:file`,
    {
      config: { ...config, ...access },
      schema: {
        security,
        description:
          'A document by its number, as JSON, or with .pdf, .xml (UBL 2.1, EN 16931), .csv behind it; `lang` is de or en, for the PDF',
        params: params.extend({ file }),
        querystring: z.strictObject({ lang: z.enum(LANGUAGES).optional() }),
      },
    },
    async (request, reply) => {
      const { number: wanted, format } = request.params.file
      const stored = await find(request, wanted)
      if (stored.content === null) {
        throw new SettlementError('HANSE_DOCUMENT_RESTRICTED', `${wanted} is for duties alone`)
      }
      const content = readDocument(stored.content)
      const shown = await showDocument(context, content, format, request.query.lang)
      return sendDocument(reply, { name: `${wanted}.${format}`, format, shown })
    },
  )

  app.get(
    `${prefix}/documents/:number/lines/:line/receipts`,
    {
      config: access,
      schema: {
        security,
        description:
          'The receipts that a line of a monthly statement is made of, each with the path of its proof in the log',
        params: params.extend({ number, line: z.coerce.number().int().min(1).max(1_000_000) }),
        querystring: z.strictObject({ after: z.string().max(400).optional(), limit }),
        response: {
          200: z.object({ receipts: z.array(receiptSchema), next: z.string().nullable() }),
        },
      },
    },
    async (request) => {
      const stored = await find(request, request.params.number)
      const { after } = request.query
      const found = await store.lineReceipts({
        ...lineOf(stored, request.params.line),
        ...(after !== undefined && { after: cursorOf(after) }),
        limit: request.query.limit,
      })
      const last = found.length < request.query.limit ? undefined : found.at(-1)
      return {
        receipts: found.map(({ session: _key, ...row }) => ({
          ...row,
          proof: `/v1/log/proof/${row.order}`,
        })),
        next: last === undefined ? null : `${last.session}/${last.sequence}`,
      }
    },
  )
}

/** What a line is made of. @throws {SettlementError} HANSE_NOT_FOUND when there is no such line, or no receipts behind it */
function lineOf({ figures, organization, provider }: ListedDocument, wanted: number) {
  const { lines, period, number: name } = readDocument(figures)
  const line = lines.find((one) => one.number === wanted)
  const id = organization ?? provider
  const isUsage = line?.source.type === 'receipts' || line?.source.type === 'fees'
  if (line === undefined || !isUsage || period === null || id === null) throw missing(name)
  const kind = organization === null ? 'provider' : 'organization'
  const model = line.source.type === 'receipts' ? { model: line.source.model } : {}
  return { party: { kind, id } as const, period, ...model }
}

/** @throws {SettlementError} HANSE_REQUEST_INVALID */
function cursorOf(text: string): { session: string; sequence: bigint } {
  const [, session, sequence] = /^([^/]{1,380})\/(\d{1,18})$/u.exec(text) ?? []
  if (session === undefined || sequence === undefined) {
    throw new SettlementError('HANSE_REQUEST_INVALID', 'after: not a cursor of this list')
  }
  return { session, sequence: BigInt(sequence) }
}

function summaryOf(stored: ListedDocument) {
  const { figures, organization, provider, sha256 } = stored
  const {
    number: name,
    kind,
    test,
    issuedAt,
    period,
    corrects,
    totals,
  }: DocumentContent = readDocument(figures)
  return {
    number: name,
    kind,
    party: organization ?? provider ?? '',
    test,
    issuedAt,
    period,
    corrects: corrects?.number ?? null,
    ...totals,
    sha256: Buffer.from(sha256).toString('hex'),
    proof: `/v1/log/proof/${digestCid(stored)}`,
  }
}

const missing = (what: string) => new SettlementError('HANSE_NOT_FOUND', `no document ${what}`)
