import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import {
  filtered,
  LIST_SCHEMA,
  newScimToken,
  patchBody,
  patched,
  SCIM_PAGE_MAX,
  SCIM_TYPE,
  SERVICE_PROVIDER_CONFIG,
  toScim,
  userBody,
} from '../access/scim.ts'
import type { ScimChange, ScimUser } from '../access/scim-store.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { directoryOf, member } from './auth.ts'
import { problemOfError } from './problem.ts'
import { answer, fail, ScimError } from './scim-answers.ts'
import { scimGroupRoutes } from './scim-group-routes.ts'
import { requireFresh } from './session.ts'

const security = [{ key: [] }]

/** An organization's directory lets its people in and out. */
export function scimRoutes(app: App, context: SettlementContext): void {
  tokenRoutes(app, context)
  app.register(async (scope) => {
    scope.addContentTypeParser(
      SCIM_TYPE,
      { parseAs: 'string' },
      scope.getDefaultJsonParser('error', 'error'),
    )
    scope.setErrorHandler((error, request, reply) => {
      const { status, detail } = problemOfError(error)
      if (status >= 500) request.log.error({ err: error }, 'SCIM')
      const scimType = error instanceof ScimError ? error.scimType : undefined
      return fail(reply, status, detail, scimType)
    })
    const routes = scope as unknown as App
    readRoutes(routes, context)
    changeRoutes(routes, context)
    scimGroupRoutes(routes, context)
  })
}

/** A directory removes owners, too: so only an owner trusts one. */
function tokenRoutes(app: App, { store, now }: SettlementContext): void {
  app.post(
    '/v1/scim-token',
    {
      config: { permission: 'members:write', people: 'owners' },
      schema: {
        security,
        description:
          'Makes the token with which a directory (SCIM 2.0, below `/scim/v2`) comes; the one before it ends',
        response: { 200: z.object({ token: z.string() }) },
      },
    },
    async (request) => {
      const by = member(request)
      requireFresh(by.signedIn, now())
      const { token, hash } = newScimToken()
      await store.setScimToken(by.organization, hash, now())
      return { token }
    },
  )

  app.delete(
    '/v1/scim-token',
    {
      config: { permission: 'members:write', people: 'owners' },
      schema: { security, response: { 200: z.object({ token: z.null() }) } },
    },
    async (request) => {
      const by = member(request)
      await store.setScimToken(by.organization, null, now())
      return { token: null }
    },
  )
}

const one = z.object({ id: z.string().max(64) })

function readRoutes(app: App, context: SettlementContext): void {
  const { store, publicUrl } = context
  app.get(
    '/scim/v2/ServiceProviderConfig',
    { config: { access: 'directory' }, schema: { security } },
    async (_request, reply) => {
      return answer(reply, 200, SERVICE_PROVIDER_CONFIG)
    },
  )

  app.get(
    '/scim/v2/Users',
    {
      config: { access: 'directory' },
      schema: {
        security,
        description: 'The filter is `userName eq "…"`',
        querystring: z.object({
          filter: z.string().max(600).optional(),
          startIndex: z.coerce.number().int().max(1_000_000).default(1),
          count: z.coerce.number().int().max(1_000_000).default(100),
        }),
      },
    },
    async (request, reply) => {
      const organization = directoryOf(request)
      const { filter, startIndex, count } = request.query
      const userName =
        filter === undefined ? undefined : filtered(filter, 'userName')?.toLowerCase()
      if (filter !== undefined && userName === undefined) {
        throw new ScimError('HANSE_REQUEST_INVALID', 'filter: only userName eq', 'invalidFilter')
      }
      // RFC 7644, 3.4.2.4: less than 1 is 1, and a negative count is none.
      const first = Math.max(1, startIndex)
      const { total, users } = await store.scimUsers(organization, {
        offset: first - 1,
        limit: Math.min(Math.max(0, count), SCIM_PAGE_MAX),
        ...(userName !== undefined && { userName }),
      })
      return answer(reply, 200, {
        schemas: [LIST_SCHEMA],
        totalResults: total,
        startIndex: first,
        itemsPerPage: users.length,
        Resources: users.map((user) => toScim(user, publicUrl())),
      })
    },
  )

  app.get(
    '/scim/v2/Users/:id',
    { config: { access: 'directory' }, schema: { security, params: one } },
    async (request, reply) => {
      const organization = directoryOf(request)
      const user = await store.scimUser(organization, request.params.id)
      if (user === undefined) throw missing()
      return answer(reply, 200, toScim(user, publicUrl()))
    },
  )
}

function changeRoutes(app: App, context: SettlementContext): void {
  const { store, now, publicUrl } = context
  const change = async (
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    wanted: (user: ScimUser) => ScimChange,
  ) => {
    const organization = directoryOf(request)
    const user = await store.scimUser(organization, id)
    if (user === undefined) throw missing()
    const changed = await store.changeScimUser(organization, id, wanted(user), now())
    if (typeof changed === 'string') throw faultOf(changed)
    return answer(reply, 200, toScim(changed, publicUrl()))
  }

  app.post(
    '/scim/v2/Users',
    { config: { access: 'directory' }, schema: { security, body: userBody } },
    async (request, reply) => {
      const organization = directoryOf(request)
      const { userName, active, externalId, displayName = '' } = request.body
      const given = { userName, active, name: displayName, ...kept(externalId) }
      const made = await store.addScimUser(organization, given, now())
      if (typeof made === 'string') throw faultOf(made)
      const user = toScim(made, publicUrl())
      return answer(reply.header('location', user.meta.location), 201, user)
    },
  )

  app.put(
    '/scim/v2/Users/:id',
    { config: { access: 'directory' }, schema: { security, params: one, body: userBody } },
    (request, reply) =>
      change(request, reply, request.params.id, ({ userName }) => {
        const { active, externalId = null } = request.body
        if (request.body.userName === userName) return { active, externalId }
        throw new ScimError('HANSE_REQUEST_INVALID', 'userName: is for ever', 'mutability')
      }),
  )

  app.patch(
    '/scim/v2/Users/:id',
    { config: { access: 'directory' }, schema: { security, params: one, body: patchBody } },
    (request, reply) =>
      change(request, reply, request.params.id, (user) => {
        const result = patched(request.body)
        if (result === undefined) {
          throw new ScimError('HANSE_REQUEST_INVALID', 'Operations', 'invalidValue')
        }
        return { active: result.active ?? user.active, ...kept(result.externalId) }
      }),
  )

  app.delete(
    '/scim/v2/Users/:id',
    { config: { access: 'directory' }, schema: { security, params: one } },
    async (request, reply) => {
      const organization = directoryOf(request)
      const outcome = await store.dropScimUser(organization, request.params.id, now())
      if (outcome !== 'done') throw faultOf(outcome)
      return reply.code(204).send()
    },
  )
}

const kept = (externalId: string | null | undefined) =>
  externalId === undefined ? {} : { externalId }

const missing = () => new SettlementError('HANSE_NOT_FOUND', 'no such user')

function faultOf(
  outcome: 'missing' | 'last-owner' | 'limit' | 'taken' | 'foreign',
): SettlementError {
  switch (outcome) {
    case 'missing':
      return missing()
    case 'last-owner':
      return new ScimError('HANSE_LAST_OWNER', 'active: the last owner stays', 'mutability')
    case 'limit':
      return new SettlementError('HANSE_MEMBERS_LIMIT', 'the organization is full')
    case 'taken':
      return new ScimError('HANSE_USER_KNOWN', 'userName: is here already', 'uniqueness')
    case 'foreign':
      return new ScimError(
        'HANSE_REQUEST_INVALID',
        'userName: not an address of a domain that the organization has proven',
        'invalidValue',
      )
  }
}
