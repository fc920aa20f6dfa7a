import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { closableAt, closeMonth, dueMonth } from '../documents/close-month.ts'
import { isMonth, type Month } from '../documents/month.ts'
import type { App } from './app.ts'

const security = [{ key: [] }]
const config = { access: 'operator' } as const
const MONTHS_MAX = 120
const month = z.string().max(7).refine(isMonth, { error: 'no month such as 2026-10' })
/** Less than the program waits for; what is left is done by the next call, or the job. */
const CLOSE_MS = 300_000

/** The ends of months: which are closed, which is due, and closing it. */
export function monthRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.get(
    '/v1/admin/months',
    {
      config,
      schema: {
        security,
        description:
          'Months whose books are closed, newest first, and which one is closed next, from when on',
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(MONTHS_MAX).default(24),
          before: month.optional(),
        }),
        response: {
          200: z.object({
            due: z
              .object({ month: z.string(), closableAt: z.number(), isOver: z.boolean() })
              .nullable(),
            months: z.array(
              z.object({ month: z.string(), closedAt: z.number(), statements: z.number() }),
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
        due: due === null ? null : stateOf(due, now()),
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
        description: 'Writes the statements of a month that is over, as far as there are none',
        params: z.object({ month: z.string().max(7) }),
        response: {
          200: z.object({ month: z.string(), statements: z.number(), closed: z.boolean() }),
        },
      },
    },
    ({ params }) => closeMonth(context, params.month, AbortSignal.timeout(CLOSE_MS)),
  )
}

/** By the clock of the service: a browser's may be wrong. */
function stateOf(month: Month, at: number) {
  const from = closableAt(month)
  return { month, closableAt: from, isOver: at >= from }
}
