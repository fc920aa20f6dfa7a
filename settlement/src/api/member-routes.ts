import { z } from 'zod'
import type { MemberChange } from '../access/member-store.ts'
import { reaches } from '../access/membership.ts'
import { ROLES } from '../access/roles.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { member, principal, signedIn } from './auth.ts'
import { requireFresh } from './session.ts'

const security = [{ key: [] }]
const role = z.enum(ROLES)
const params = z.object({ person: z.string().max(64) })
const PAGE_MAX = 500

/** Who belongs to an organization. */
export function memberRoutes(app: App, context: SettlementContext): void {
  const { store, now } = context
  listRoutes(app, context)

  app.put(
    '/v1/members/:person',
    {
      config: { permission: 'members:write', people: 'members' },
      schema: {
        security,
        description: 'Only an owner makes, changes and removes owners, and one of them stays',
        params,
        body: z.strictObject({ role }),
        response: { 200: params.extend({ role }) },
      },
    },
    async (request) => {
      const by = member(request)
      const change = { organization: by.organization, ...request.params, ...request.body }
      if (change.role === 'owner') requireFresh(by.signedIn, now())
      check(await store.setRole({ ...change, by: by.role }))
      return { person: change.person, role: change.role }
    },
  )

  app.delete(
    '/v1/members/:person',
    {
      config: { permission: 'members:write', people: 'members', unlessSelf: 'person' },
      schema: {
        security,
        description:
          'Ends their access at once, and that of the keys that they answer for unless `keys` is `keep`. Whoever wants to go may.',
        params,
        querystring: z.strictObject({ keys: z.enum(['revoke', 'keep']).default('revoke') }),
        response: { 200: params },
      },
    },
    async (request) => {
      const { person } = request.params
      const { organization, role: by } = member(request)
      const keepKeys = request.query.keys === 'keep'
      check(await store.removeMember({ organization, person, by, keepKeys, at: now() }))
      return { person }
    },
  )
}

function listRoutes(app: App, { store }: SettlementContext): void {
  app.get(
    '/v1/members',
    {
      config: { permission: 'members:read' },
      schema: {
        security,
        querystring: z.strictObject({
          limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(100),
          after: z.string().max(254).default(''),
        }),
        response: {
          200: z.object({
            members: z.array(
              params.extend({ email: z.string(), name: z.string(), role, since: z.number() }),
            ),
            next: z.string().nullable(),
          }),
        },
      },
    },
    async (request) => {
      const { organization } = principal(request)
      const { after, limit } = request.query
      const members = await store.members(organization, after, limit)
      return { members, next: members.length < limit ? null : (members.at(-1)?.email ?? null) }
    },
  )

  app.get(
    '/v1/organizations',
    {
      config: { access: 'person' },
      schema: {
        description:
          'Where the person who is signed in belongs; the header `hanse-organization` of other requests names one',
        response: {
          200: z.object({
            organizations: z.array(
              z.object({
                organization: z.string(),
                name: z.string(),
                role,
                needsSso: z.boolean(),
                isDisabled: z.boolean(),
                isRestricted: z.boolean(),
              }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const { person, session, factors } = signedIn(request)
      const organizations = (await store.memberships(person, session)).flatMap((membership) => {
        const reach = reaches(membership, factors)
        const { organization, name, role: held, isDisabled, isRestricted } = membership
        const needsSso = reach === 'needs-sso'
        return reach === 'no'
          ? []
          : [{ organization, name, role: held, needsSso, isDisabled, isRestricted }]
      })
      return { organizations }
    },
  )
}

function check(outcome: MemberChange): void {
  switch (outcome) {
    case 'done':
      return
    case 'missing':
      throw new SettlementError('HANSE_NOT_FOUND', 'no such member')
    case 'forbidden':
      throw new SettlementError('HANSE_FORBIDDEN', 'only an owner decides who is one')
    case 'last-owner':
      throw new SettlementError('HANSE_LAST_OWNER', 'an organization has an owner')
  }
}
