import { z } from 'zod'
import type { SettlementContext } from '../context.ts'
import { dac7Report } from '../dac7/make-report.ts'
import { dac7Csv } from '../dac7/render-csv.ts'
import { dac7Xml } from '../dac7/render-xml.ts'
import type { Dac7Report, ReportedSeller } from '../dac7/seller-year.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { nodeWay, ownerWay } from './provider-ways.ts'
import { money } from './schemas.ts'

const security = [{ key: [] }]
/** The directive applies from 2023 on; nobody needs a year that a number of four digits does not hold. */
const year = z.coerce.number().int().min(2023).max(2999)
const params = z.object({ year })
/** A year of all providers is some seconds of the database. */
const config = { rateLimit: { max: 30, timeWindow: 60_000 } }

const sums = {
  activities: z.number(),
  considerationCents: money,
  feesCents: money,
  taxesCents: money,
}
const sellerSchema = z.object({
  provider: z.string(),
  kind: z.string().nullable(),
  name: z.string().nullable(),
  country: z.string().nullable(),
  missing: z.array(z.string()).readonly(),
  quarters: z.array(z.object({ quarter: z.number(), ...sums })).readonly(),
  totals: z.object(sums),
  exact: z.object({ consideration: money, fees: money }),
})

/** What DAC7 (Directive (EU) 2021/514) has a platform report of its sellers each year. */
export function dac7Routes(app: App, context: SettlementContext): void {
  const { now } = context

  app.get(
    '/v1/admin/dac7/:year',
    {
      config: { ...config, access: 'operator' },
      schema: {
        security,
        description:
          'Sellers with what was credited to them by quarter (UTC), what was withheld as fee, and how many sessions. `missing` names what a seller has not said. For services no threshold applies.',
        params,
        response: {
          200: z.object({
            year: z.number(),
            madeAt: z.number(),
            test: z.boolean(),
            operator: z.string(),
            sellers: z.array(sellerSchema),
          }),
        },
      },
    },
    async (request) => {
      const report = await reportOf(request.params.year)
      const { operator, sellers, ...rest } = report
      return { ...rest, operator: operator.name, sellers: sellers.map(shown) }
    },
  )

  app.get(
    '/v1/admin/dac7/:year/:format',
    {
      config: { ...config, access: 'operator' },
      schema: {
        security,
        description:
          'The report as a file: `xml` in the shape of the OECD’s DPI schema (not validated against an authority’s), whole euros; `csv` to the cent, with all that identifies a seller.',
        params: params.extend({ format: z.enum(['xml', 'csv']) }),
        response: { 200: z.object({ file: z.string(), type: z.string(), content: z.string() }) },
      },
    },
    async ({ params: { year: wanted, format } }) => {
      const report = await reportOf(wanted)
      const isXml = format === 'xml'
      return {
        file: `dac7-${wanted}.${format}`,
        type: isXml ? 'application/xml' : 'text/csv',
        content: isXml ? dac7Xml(report) : dac7Csv(report),
      }
    },
  )

  for (const way of [nodeWay(context), ownerWay(context)]) {
    app.get(
      `${way.prefix}/dac7/:year`,
      {
        config: { ...config, ...way.config },
        schema: {
          description:
            'What is reported of the provider whose key has signed the request, or that is linked to who is signed in, as it is told to the provider (Annex V, Section III, A (5) DAC)',
          params: way.params.extend({ year }),
          response: {
            200: z.object({ year: z.number(), operator: z.string(), seller: sellerSchema }),
          },
        },
      },
      async (request) => {
        const { year: wanted } = request.params
        const provider = await way.reader(request)
        const { operator, sellers } = await dac7Report(context, begun(wanted), provider)
        const [seller] = sellers
        if (seller === undefined) {
          throw new SettlementError('HANSE_NOT_FOUND', `nothing was credited in ${wanted}`)
        }
        return { year: wanted, operator: operator.name, seller: shown(seller) }
      },
    )
  }

  const reportOf = (wanted: number): Promise<Dac7Report> => dac7Report(context, begun(wanted))

  function begun(wanted: number): number {
    if (Date.UTC(wanted, 0) <= now()) return wanted
    throw new SettlementError('HANSE_REQUEST_INVALID', `${wanted} has not begun`)
  }
}

const shown = ({ provider, profile, missing, quarters, totals, exact }: ReportedSeller) => ({
  provider,
  kind: profile?.kind ?? null,
  name: profile?.name ?? null,
  country: profile?.country ?? null,
  missing,
  quarters,
  totals,
  exact,
})
