import { z } from 'zod'
import { SCIM_PAGE_MAX } from '../access/scim.ts'
import type { ScimGroup } from '../access/scim-group-store.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { member, principal } from './auth.ts'
import { requireFresh } from './session.ts'

const security = [{ key: [] }]
const role = z.enum(['admin', 'developer', 'billing', 'auditor']).nullable()
const row = z.object({
  group: z.string(),
  name: z.string(),
  role,
  members: z.number(),
})

/** What the groups of an organization's directory mean here. */
export function groupRoleRoutes(app: App, { store, now }: SettlementContext): void {
  app.get(
    '/v1/scim-groups',
    {
      config: { permission: 'members:read' },
      schema: {
        security,
        description: 'Groups that the directory has sent, in the order in which they came',
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(SCIM_PAGE_MAX).default(100),
          after: z.coerce.number().int().min(0).max(1_000_000).default(0),
        }),
        response: { 200: z.object({ groups: z.array(row), next: z.string().nullable() }) },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { limit, after } = request.query
      const { total, groups } = await store.scimGroups(organization, { offset: after, limit })
      const next = after + groups.length
      return { groups: groups.map(toJson), next: next < total ? String(next) : null }
    },
  )

  app.put(
    '/v1/scim-groups/:group',
    {
      config: { permission: 'members:write', people: 'owners' },
      schema: {
        security,
        description:
          'Gives the members of a group a role, now and whenever the directory changes them. Of several groups the first of admin, developer, billing and auditor counts; owners stay owners. With null the group means nothing, and its members become what they are without it.',
        params: z.object({ group: z.string().max(64) }),
        body: z.strictObject({ role }),
        response: { 200: row },
      },
    },
    async (request) => {
      const { organization, signedIn } = member(request)
      requireFresh(signedIn, now())
      const { group } = request.params
      const saved = await store.setScimGroupRole(organization, group, request.body.role, now())
      if (saved === undefined) throw new SettlementError('HANSE_NOT_FOUND', 'no such group')
      return toJson(saved)
    },
  )
}

const toJson = ({ id, name, role: given, members }: ScimGroup) => ({
  group: id,
  name,
  role: given,
  members: members.length,
})
