import { Readable } from 'node:stream'
import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { operatorOf } from '../documents/sides.ts'
import { SettlementError } from '../errors.ts'
import { focusCsv, focusJsonLines, focusRows } from '../exports/export-focus.ts'
import { USAGE_KEPT_MS } from '../usage/partitions.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'

const security = [{ key: [] }]
const DAY_MS = 86_400_000

const day = z.iso.date().transform((text) => Date.parse(`${text}T00:00:00Z`))
const query = z
  .strictObject({
    from: day,
    to: day.describe('not included'),
    format: z.enum(['csv', 'jsonl']).default('csv'),
  })
  .refine(({ from, to }) => from < to && to - from <= USAGE_KEPT_MS, {
    error: '`to` must be after `from`, by ninety days at most',
  })

const description =
  'Charges in the FinOps Open Cost and Usage Specification (FOCUS 1.2, with ServiceProviderName and HostProviderName of 1.3), a row for ' +
  'each day, model and provider, and for each invoice and credit note. What was topped up is billed, what was used is an effective cost. ' +
  'Single sessions are kept for ninety days; ask for earlier months while they are there.'

/** What an organization takes away, in forms that other tools read. */
export function exportRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  app.get(
    '/v1/exports/focus',
    {
      config: { permission: 'exports:read' },
      schema: {
        security,
        description,
        querystring: query,
        produces: ['text/csv', 'application/jsonl'],
      },
    },
    async (request, reply) => {
      const { organization } = principal(request)
      const { from, to, format } = request.query
      if (from < Math.ceil((now() - USAGE_KEPT_MS) / DAY_MS) * DAY_MS - DAY_MS) {
        throw new SettlementError(
          'HANSE_REQUEST_INVALID',
          'single sessions are kept for ninety days',
        )
      }
      const parties = {
        organization,
        organizationName: (await store.organizationName(organization)) ?? organization,
        operatorName: operatorOf(context).party.name,
      }
      const rows = focusRows(context, parties, { from, to })
      const name = `focus-${isoDay(from)}-${isoDay(to - DAY_MS)}.${format}`
      return reply
        .type(format === 'csv' ? 'text/csv; charset=utf-8' : 'application/jsonl; charset=utf-8')
        .header('content-disposition', `attachment; filename="${name}"`)
        .send(Readable.from(format === 'csv' ? focusCsv(rows) : focusJsonLines(rows)))
    },
  )
}

const isoDay = (at: number): string => new Date(at).toISOString().slice(0, 10)
