import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import { BILL_LINES_MAX, type Bill, type BillLine, billId } from '../imports/bills/bill.ts'
import { compareStored } from '../imports/bills/compare-stored.ts'
import { billLine, billLines } from '../imports/bills/read-bill.ts'
import { LineFault } from '../imports/line-fault.ts'
import { currencyOf } from '../imports/usage-record.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'

const security = [{ key: [] }]
const DAY_MS = 86_400_000
/** A line has some hundred bytes. */
const BILL_BYTES_MAX = 2 * 1024 * 1024
const PAGE_MAX = 200

const day = z.iso.date().transform((text) => Date.parse(`${text}T00:00:00Z`))
const head = {
  provider: z
    .string()
    .trim()
    .min(1)
    .max(128)
    .transform((name) => name.toLowerCase()),
  reference: z.string().trim().min(1).max(128),
  currency: z.string().regex(/^[A-Za-z]{3}$/u),
  periodStart: day,
  periodEnd: day,
}
/** A year's bill. */
const isPeriod = ({ periodStart, periodEnd }: { periodStart: number; periodEnd: number }) =>
  periodStart < periodEnd && periodEnd - periodStart <= 366 * DAY_MS
const periodError = { error: '`periodEnd` must be after `periodStart`, by a year at most' }

const text = z.string().max(200).default('')
const bodySchema = z
  .strictObject({
    ...head,
    lines: z
      .array(z.strictObject({ model: text, sku: text, amount: z.string().max(80) }))
      .min(1)
      .max(BILL_LINES_MAX),
  })
  .refine(isPeriod, periodError)
const querySchema = z.strictObject(head).refine(isPeriod, periodError)

const line = z.object({ model: z.string(), sku: z.string(), amount: z.string() })
const state = z.enum(['open', 'explained', 'accepted'])
const decision = z.object({
  model: z.string(),
  state,
  reason: z.string(),
  difference: z.string(),
  actor: z.string(),
  at: z.number(),
})
const billSchema = z.object({
  id: z.string(),
  provider: z.string(),
  reference: z.string(),
  currency: z.string(),
  periodStart: z.number(),
  periodEnd: z.number(),
  actor: z.string(),
  at: z.number(),
})
const amounts = {
  billed: z.string(),
  metered: z.string(),
  difference: z.string(),
  percent: z.string().nullable(),
}
const comparisonSchema = z.object({
  ...amounts,
  open: z.number(),
  lines: z
    .array(
      z.object({
        model: z.string(),
        lines: z.array(line).readonly(),
        ...amounts,
        status: z.enum(['matched', 'difference', 'not-metered', 'not-billed']),
        isPartial: z.boolean(),
        state: state.nullable(),
        decision: decision.nullable(),
      }),
    )
    .readonly(),
})
const params = z.object({ id: z.string().max(64) })
const shown = { 200: z.object({ bill: billSchema, comparison: comparisonSchema }) }

/** What other providers bill, beside what was metered of them. */
export function billRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  const show = async (organization: string, id: string) => {
    const found = await compareStored(context, organization, id)
    if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such bill')
    return { bill: found.bill, comparison: found.comparison }
  }

  const add = async (request: FastifyRequest, bill: Bill) => {
    const { organization, actor } = principal(request)
    const result = await store.addProviderBill({ organization, bill, actor, at: now() })
    if (result === 'conflict') {
      throw new SettlementError(
        'HANSE_BILL_EXISTS',
        'another bill of this provider has this number',
      )
    }
    return show(organization, billId(organization, bill))
  }

  app.post(
    '/v1/bills',
    {
      config: { permission: 'imports:write' },
      bodyLimit: BILL_BYTES_MAX,
      schema: {
        security,
        description:
          'A bill of another provider. Sent again it is the same bill. `periodEnd` is not included; amounts are decimal ' +
          'texts, with as many decimals as are printed.',
        body: bodySchema,
        response: shown,
      },
    },
    async (request) => add(request, toBill(request.body, request.body.lines)),
  )

  app.register(async (scope) => {
    const uploads = scope as unknown as App
    uploads.addContentTypeParser('text/csv', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    )
    uploads.post(
      '/v1/bills/csv',
      {
        config: { permission: 'imports:write' },
        bodyLimit: BILL_BYTES_MAX,
        schema: {
          security,
          consumes: ['text/csv'],
          description: 'The same, with its lines as CSV: columns amount, model, sku',
          querystring: querySchema,
          response: shown,
        },
      },
      async (request) => {
        if (!(request.body instanceof Uint8Array)) {
          throw new SettlementError('HANSE_MEDIA_TYPE', 'send text/csv')
        }
        const lines = await refusing(() => billLines(piecesOf(request.body as Uint8Array)))
        return add(request, toBill(request.query, lines))
      },
    )
  })

  app.get(
    '/v1/bills',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(50),
          after: z.string().max(64).default(''),
        }),
        response: { 200: z.object({ bills: z.array(billSchema), next: z.string().nullable() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { after, limit } = request.query
      const bills = await store.providerBills(organization, after, limit)
      return { bills, next: bills.length < limit ? null : (bills.at(-1)?.id ?? null) }
    },
  )

  app.get(
    '/v1/bills/:id',
    {
      config: { permission: 'costs:read' },
      schema: {
        security,
        description:
          'A bill, compared model by model with what was metered of its provider in its period. A difference waits for ' +
          'somebody to explain or accept it, and is open again when it changes.',
        params,
        response: shown,
      },
    },
    async (request) => {
      const { organization } = principal(request)
      return show(organization, request.params.id)
    },
  )

  app.post(
    '/v1/bills/:id/decisions',
    {
      config: { permission: 'imports:write' },
      schema: {
        security,
        description: 'Says what a difference is, or opens it again; who said so is kept for ever',
        params,
        body: z.strictObject({
          model: z.string().max(128),
          state,
          reason: z.string().trim().min(1).max(1_000),
        }),
        response: shown,
      },
    },
    async (request) => {
      const { organization, actor } = principal(request)
      const { id } = request.params
      const { comparison } = await show(organization, id)
      const { model, ...said } = request.body
      const found = comparison.lines.find((one) => one.model === model)
      if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such line')
      const { difference } = found
      await store.decideProviderBill(
        { organization, bill: id },
        { model, ...said, difference, actor, at: now() },
      )
      return show(organization, id)
    },
  )
}

function toBill(given: z.output<typeof querySchema>, lines: readonly BillLine[]): Bill {
  const { provider, reference, currency, periodStart, periodEnd } = given
  if (lines.length === 0) throw new SettlementError('HANSE_REQUEST_INVALID', 'a bill without lines')
  return refusing(() => ({
    provider,
    reference,
    currency: currencyOf(currency),
    periodStart,
    periodEnd,
    lines: lines.map(billLine),
  }))
}

/** A bill is refused as a whole. @throws {SettlementError} */
function refusing<Result>(read: () => Result): Result {
  const told = (error: unknown) =>
    error instanceof LineFault ? new SettlementError(error.code, error.message) : error
  try {
    const result = read()
    if (!(result instanceof Promise)) return result
    return result.catch((error: unknown) => {
      throw told(error)
    }) as Result
  } catch (error) {
    throw told(error)
  }
}

async function* piecesOf(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body
}
