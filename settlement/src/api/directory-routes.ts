import { z } from 'zod'
import { ROLES } from '../access/roles.ts'
import type { SettlementContext } from '../context.ts'
import { PROVIDER_CONCERNS } from '../directory/provider-directory.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { money } from './schemas.ts'

const security = [{ key: [] }]
const config = { access: 'operator' } as const
const PAGE_MAX = 500
const limit = z.coerce.number().int().min(1).max(PAGE_MAX).default(100)
const search = z.string().trim().min(1).max(200).optional()
const after = z.string().min(1).max(64).optional()

const organizationSchema = z.object({
  organization: z.string(),
  name: z.string(),
  createdAt: z.number(),
  disabledAt: z.number().nullable(),
  available: money,
  held: money,
  debt: money,
})

const detailsSchema = organizationSchema.extend({
  basis: z.string().nullable(),
  keys: z.number(),
  members: z.array(
    z.object({ person: z.string(), email: z.string(), role: z.enum(ROLES), since: z.number() }),
  ),
  consumers: z.array(z.string()),
  holds: z.array(
    z.object({
      authorization: z.string(),
      provider: z.string(),
      limit: money,
      spent: money,
      notAfter: z.number(),
    }),
  ),
})

const providerSchema = z.object({
  provider: z.string(),
  country: z.string(),
  createdAt: z.number(),
  feeBps: z.number(),
  payableSince: z.number().nullable(),
  hasAccount: z.boolean(),
  level: z.number().nullable(),
  attestedUntil: z.number().nullable(),
  contradicted: z.array(z.string()).readonly(),
  concerns: z.array(z.enum(PROVIDER_CONCERNS)).readonly(),
  payable: money,
})

/** Who is on the platform: organizations, and providers with what they wait for. */
export function directoryRoutes(app: App, { store, now }: SettlementContext): void {
  app.get(
    '/v1/admin/organizations',
    {
      config,
      schema: {
        security,
        description: 'By id; `search` is an id, or a part of a name',
        querystring: z.strictObject({
          limit,
          after,
          search,
          disabled: z.enum(['true', 'false']).optional(),
        }),
        response: {
          200: z.object({
            organizations: z.array(organizationSchema),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async ({ query: { disabled, ...query } }) => {
      const organizations = await store.organizations({
        limit: query.limit,
        ...(query.after !== undefined && { after: query.after }),
        ...(query.search !== undefined && { search: query.search }),
        ...(disabled !== undefined && { disabled: disabled === 'true' }),
      })
      const last = organizations.length < query.limit ? undefined : organizations.at(-1)
      return { organizations, next: last?.organization ?? null }
    },
  )

  app.get(
    '/v1/admin/organizations/:organization',
    {
      config,
      schema: {
        security,
        params: z.object({ organization: z.string().max(64) }),
        response: { 200: detailsSchema },
      },
    },
    async ({ params }) => {
      const found = await store.organizationDetails(params.organization)
      if (found === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such organization')
      const { members, consumers, holds } = found
      return { ...found, members: [...members], consumers: [...consumers], holds: [...holds] }
    },
  )

  app.get(
    '/v1/admin/providers',
    {
      config,
      schema: {
        security,
        description:
          'By peer id, of which `search` is the beginning; with `concern`, only those that wait for it',
        querystring: z.strictObject({
          limit,
          after,
          search,
          concern: z.enum(PROVIDER_CONCERNS).optional(),
        }),
        response: {
          200: z.object({ providers: z.array(providerSchema), next: z.string().nullable() }),
        },
      },
    },
    async ({ query }) => {
      const { concern } = query
      const providers = await store.providers({
        limit: query.limit,
        at: now(),
        ...(query.after !== undefined && { after: query.after }),
        ...(query.search !== undefined && { search: query.search }),
        ...(concern !== undefined && { concern }),
      })
      const last = providers.length < query.limit ? undefined : providers.at(-1)
      return { providers, next: last?.provider ?? null }
    },
  )
}
