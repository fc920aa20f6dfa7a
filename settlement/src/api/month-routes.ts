import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { closeByHand } from '../documents/close-due-months.ts'
import { dueMonth } from '../documents/close-month.ts'
import { closableAt, isMonth, type Month } from '../documents/month.ts'
import { MONTH_CLOSINGS, MONTH_POINTS, quickPoints } from '../documents/month-points.ts'
import type { App } from './app.ts'
import { operatorOf } from './auth.ts'

const security = [{ key: [] }]
const config = { access: 'operator' } as const
const MONTHS_MAX = 120
const month = z.string().max(7).refine(isMonth, { error: 'no month such as 2026-10' })
/** Less than the program waits for; what is left is done by the next call, or the job. */
const CLOSE_MS = 300_000
const REASON_MAX = 500
const points = z.array(z.object({ point: z.enum(MONTH_POINTS), open: z.number() })).readonly()

/** The ends of months: which are closed, which is due, and closing it. */
export function monthRoutes(app: App, context: SettlementContext): void {
  const { store } = context

  app.get(
    '/v1/admin/months',
    {
      config,
      schema: {
        security,
        description:
          'Months whose books are closed, newest first, and which one is closed next, from when on. `points` is what has to be settled first, with how much of it is open: the ledger is not among them, since its check reads all of the books (`GET /v1/admin/ledger/check`). `closes` is the setting `close-months`',
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(MONTHS_MAX).default(24),
          before: month.optional(),
        }),
        response: {
          200: z.object({
            due: z
              .object({
                month: z.string(),
                closableAt: z.number(),
                isOver: z.boolean(),
                points,
              })
              .nullable(),
            closes: z.enum(MONTH_CLOSINGS),
            months: z.array(
              z.object({
                month: z.string(),
                closedAt: z.number(),
                closedBy: z.string().nullable(),
                reason: z.string().nullable(),
                open: points,
                statements: z.number(),
              }),
            ),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async ({ query: { limit, before } }) => {
      const [due, months] = await Promise.all([
        dueMonth(store),
        store.closings({ limit, ...(before !== undefined && { before }) }),
      ])
      const last = months.length < limit ? undefined : months.at(-1)
      return {
        due: due === null ? null : await stateOf(context, due),
        closes: context.terms.closeMonths,
        months,
        next: last?.month ?? null,
      }
    },
  )

  app.post(
    '/v1/admin/months/:month/close',
    {
      config,
      schema: {
        security,
        description:
          'Writes the statements of a month that is over, as far as there are none. Where something of it is open it is refused (HANSE_MONTH_OPEN), unless a reason is given; reason, operator and what was open are kept',
        params: z.object({ month: z.string().max(7) }),
        body: z
          .strictObject({ reason: z.string().trim().min(1).max(REASON_MAX).optional() })
          .nullish(),
        response: {
          200: z.object({ month: z.string(), statements: z.number(), closed: z.boolean() }),
        },
      },
    },
    (request) => {
      const decision = { by: operatorOf(request).id, reason: request.body?.reason }
      const { month: wanted } = request.params
      return closeByHand(context, wanted, decision, AbortSignal.timeout(CLOSE_MS))
    },
  )
}

/** By the clock of the service: a browser's may be wrong. */
async function stateOf(context: SettlementContext, month: Month) {
  const from = closableAt(month)
  const open = await quickPoints(context, month)
  return { month, closableAt: from, isOver: context.now() >= from, points: open }
}
