import { z } from 'zod'
import type { AccessQuery } from '../access/access-log-store.ts'
import type { SettlementContext } from '../context.ts'
import type { App } from './app.ts'
import { principal } from './auth.ts'
import { counterPage, money } from './schemas.ts'

const security = [{ key: [] }]

const query = counterPage.extend({
  actor: z.string().max(200).optional(),
  action: z.string().max(200).optional(),
  outcome: z.string().max(40).optional(),
  from: z.iso.datetime({ offset: true }).transform(Date.parse).optional(),
  to: z.iso.datetime({ offset: true }).transform(Date.parse).optional(),
})
const response = {
  200: z.object({
    entries: z.array(
      z.object({
        id: money,
        actor: z.string(),
        action: z.string(),
        targets: z.record(z.string(), z.string()),
        outcome: z.string(),
        address: z.string().nullable(),
        at: z.number(),
      }),
    ),
    next: z.string().nullable(),
  }),
}
const description =
  'Who changed what, newest first: never what was sent. Filters are exact, `from` is included and `to` is not.'

/** Who changed what. */
export function accessLogRoutes(app: App, context: SettlementContext): void {
  const { store } = context
  const page = async (
    organization: string | null,
    { limit, ...filter }: z.output<typeof query>,
  ): Promise<z.output<(typeof response)[200]>> => {
    const set = Object.fromEntries(
      Object.entries(filter).filter(([, value]) => value !== undefined),
    )
    const wanted: AccessQuery = { organization, limit, ...set }
    const found = await store.accessEntries(wanted)
    const last = found.length < limit ? undefined : found.at(-1)
    const entries = found.map(({ organization: _whose, targets, ...entry }) => ({
      ...entry,
      targets: { ...targets },
    }))
    return { entries, next: last?.id.toString() ?? null }
  }

  app.get(
    '/v1/access-log',
    {
      config: { permission: 'audit:read' },
      schema: { security, description, querystring: query, response },
    },
    async (request) => {
      const { organization } = principal(request)
      return page(organization, request.query)
    },
  )

  app.get(
    '/v1/admin/access-log',
    {
      config: { access: 'operator' },
      schema: {
        security,
        description: `Of what belongs to no organization, such as failed sign-ins. ${description}`,
        querystring: query,
        response,
      },
    },
    (request) => page(null, request.query),
  )
}
