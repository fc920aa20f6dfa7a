import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { filtered, LIST_SCHEMA, patchBody, SCIM_PAGE_MAX } from '../access/scim.ts'
import { groupBody, idsOf, patchedGroup, toScimGroup } from '../access/scim-group.ts'
import {
  GROUPS_MAX,
  type GroupEdit,
  type GroupFault,
  type ScimGroup,
} from '../access/scim-group-store.ts'
import type { SettlementContext } from '../context.ts'
import { SettlementError } from '../errors.ts'
import type { App } from './app.ts'
import { directoryOf } from './auth.ts'
import { answer, ScimError } from './scim-answers.ts'

const security = [{ key: [] }]
const config = { access: 'directory' } as const
const one = z.object({ id: z.string().max(64) })
const query = z.object({
  filter: z.string().max(600).optional(),
  startIndex: z.coerce.number().int().max(1_000_000).default(1),
  count: z.coerce.number().int().max(1_000_000).default(100),
  /** `members` is what directories leave out of long lists. */
  excludedAttributes: z.string().max(200).default(''),
})
const hasMembers = ({ excludedAttributes }: { excludedAttributes: string }) =>
  !excludedAttributes.split(',').includes('members')

/** Groups as a directory has them. What one means here is said by an owner. */
export function scimGroupRoutes(app: App, context: SettlementContext): void {
  const { store, publicUrl } = context
  app.get(
    '/scim/v2/Groups',
    {
      config,
      schema: {
        security,
        description: 'The filter is `displayName eq "…"`',
        querystring: query,
      },
    },
    async (request, reply) => {
      const { filter, startIndex, count } = request.query
      const name = filter === undefined ? undefined : filtered(filter, 'displayName')
      if (filter !== undefined && name === undefined) {
        throw new ScimError('HANSE_REQUEST_INVALID', 'filter: only displayName eq', 'invalidFilter')
      }
      const first = Math.max(1, startIndex)
      const { total, groups } = await store.scimGroups(directoryOf(request), {
        offset: first - 1,
        limit: Math.min(Math.max(0, count), SCIM_PAGE_MAX),
        ...(name !== undefined && { name }),
      })
      return answer(reply, 200, {
        schemas: [LIST_SCHEMA],
        totalResults: total,
        startIndex: first,
        itemsPerPage: groups.length,
        Resources: groups.map((group) =>
          toScimGroup(group, publicUrl(), hasMembers(request.query)),
        ),
      })
    },
  )

  app.get(
    '/scim/v2/Groups/:id',
    {
      config,
      schema: { security, params: one, querystring: query.pick({ excludedAttributes: true }) },
    },
    async (request, reply) => {
      const group = await store.scimGroup(directoryOf(request), request.params.id)
      if (group === undefined) throw faultOf('missing')
      return answer(reply, 200, toScimGroup(group, publicUrl(), hasMembers(request.query)))
    },
  )
  changeRoutes(app, context)
}

function changeRoutes(app: App, { store, now, publicUrl }: SettlementContext): void {
  const told = (saved: ScimGroup | GroupFault) => {
    if (typeof saved === 'string') throw faultOf(saved)
    return toScimGroup(saved, publicUrl())
  }

  app.post(
    '/scim/v2/Groups',
    { config, schema: { security, body: groupBody } },
    async (request, reply) => {
      const given = { ...wholeOf(request.body), id: `grp_${randomUUID()}` }
      const group = told(await store.addScimGroup(directoryOf(request), given, now()))
      return answer(reply.header('location', group.meta.location), 201, group)
    },
  )

  app.put(
    '/scim/v2/Groups/:id',
    { config, schema: { security, params: one, body: groupBody } },
    async (request, reply) => {
      const whole = wholeOf(request.body)
      const { id } = request.params
      return answer(
        reply,
        200,
        told(await store.changeScimGroup(directoryOf(request), id, whole, now())),
      )
    },
  )

  app.patch(
    '/scim/v2/Groups/:id',
    { config, schema: { security, params: one, body: patchBody } },
    async (request, reply) => {
      const edit = patchedGroup(request.body.Operations)
      if (edit === undefined) {
        throw new ScimError('HANSE_REQUEST_INVALID', 'Operations', 'invalidValue')
      }
      const { id } = request.params
      return answer(
        reply,
        200,
        told(await store.changeScimGroup(directoryOf(request), id, edit, now())),
      )
    },
  )

  app.delete(
    '/scim/v2/Groups/:id',
    { config, schema: { security, params: one } },
    async (request, reply) => {
      if (!(await store.dropScimGroup(directoryOf(request), request.params.id))) {
        throw faultOf('missing')
      }
      return reply.code(204).send()
    },
  )
}

const wholeOf = ({
  displayName: name,
  externalId = null,
  members,
}: z.output<typeof groupBody>): GroupEdit & { name: string } => ({
  name,
  externalId,
  members: [{ verb: 'replace', ids: idsOf(members) }],
})

function faultOf(fault: GroupFault): SettlementError {
  switch (fault) {
    case 'missing':
      return new SettlementError('HANSE_NOT_FOUND', 'no such group')
    case 'taken':
      return new ScimError('HANSE_GROUP_KNOWN', 'displayName: is here already', 'uniqueness')
    case 'unknown':
      return new ScimError('HANSE_REQUEST_INVALID', 'members: no such user', 'invalidValue')
    case 'limit':
      return new SettlementError('HANSE_GROUPS_LIMIT', `${GROUPS_MAX} groups at most`)
  }
}
