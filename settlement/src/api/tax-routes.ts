import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { isMonth, periodOf } from '../documents/month.ts'
import { vatReport } from '../documents/vat-report.ts'
import { confirmedByOperator } from '../tax/index.ts'
import type { App } from './app.ts'
import { money } from './schemas.ts'

const security = [{ key: [] }]
const month = z.string().max(7).refine(isMonth, { error: 'not a month such as 2026-10' })

/** What an operator does for the tax office. */
export function taxRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context

  app.get(
    '/v1/admin/vat',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'What invoices and credit notes with their tax point in these months come to, by rule, state and rate: what VAT returns and the one-stop shop ask for',
        querystring: z.strictObject({ from: month, to: month }),
        response: {
          200: z.object({
            sums: z.array(
              z.object({
                side: z.enum(['sales', 'purchases']),
                rule: z.string(),
                state: z.string().nullable(),
                rateBps: z.number(),
                documents: z.number(),
                netCents: money,
                vatCents: money,
              }),
            ),
          }),
        },
      },
    },
    async ({ query: { from, to } }) => ({
      sums: await vatReport(store, { from: periodOf(from).from, to: periodOf(to).to }),
    }),
  )

  app.post(
    '/v1/admin/organizations/:organization/vat-id-confirmations',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description:
          'An operator has looked up the VAT id of an organization; `reference` says where the proof is',
        params: z.object({ organization: z.string().max(64) }),
        body: z.strictObject({
          vatId: z.string().min(1).max(20),
          valid: z.boolean(),
          reference: z.string().trim().min(1).max(200),
        }),
        response: { 200: z.object({ vatId: z.string(), valid: z.boolean(), at: z.number() }) },
      },
    },
    async ({ params: { organization }, body: { vatId, valid, reference } }) => {
      const vatIdCheck = confirmedByOperator({ vatId, valid, reference, at: now() })
      await store.setVatIdCheck(organization, vatIdCheck, now())
      return { vatId, valid, at: vatIdCheck.at }
    },
  )
}
