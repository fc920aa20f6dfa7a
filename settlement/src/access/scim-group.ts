import { z } from 'zod'
import type { GroupEdit, MemberEdit, ScimGroup } from './scim-group-store.ts'

// Groups of RFC 7643 (4.2) and how they are patched (RFC 7644, 3.5.2), as far as directories use them.

export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group'
/** Of one request, and of a group: as an organization has members. */
const MEMBERS_MAX = 1_000
const NAME_MAX = 255

const members = z.array(z.object({ value: z.string().max(64) })).max(MEMBERS_MAX)
const externalId = z.string().min(1).max(NAME_MAX).nullable()
const displayName = z.string().trim().min(1).max(NAME_MAX)

export const groupBody = z.object({
  displayName,
  externalId: externalId.optional(),
  members: members.default([]),
})

const attributes = z.object({
  displayName: displayName.optional(),
  externalId: externalId.optional(),
  members: members.optional(),
})

interface Operation {
  readonly op: string
  readonly path?: string | undefined
  readonly value?: unknown
}

/**
 * What the operations of a PATCH come to, in their order; attributes that are not kept are passed over.
 *
 * @returns undefined when an operation is none, or its value is wrong
 */
export function patchedGroup(operations: readonly Operation[]): GroupEdit | undefined {
  let edit: GroupEdit = { members: [] }
  for (const operation of operations) {
    const next = editOf(operation)
    if (next === undefined) return undefined
    edit = { ...edit, ...next, members: [...edit.members, ...next.members] }
  }
  return edit
}

function editOf({ op, path, value }: Operation): GroupEdit | undefined {
  const verb = op.toLowerCase()
  if (verb === 'remove') return removed(path ?? '', value)
  if (verb !== 'add' && verb !== 'replace') return undefined
  const read = attributes.safeParse(path === undefined ? value : { [path]: value })
  if (!read.success) return undefined
  const { displayName: name, externalId: external, members: given } = read.data
  return {
    ...(name !== undefined && { name }),
    ...(external !== undefined && { externalId: external }),
    members: given === undefined ? [] : [{ verb, ids: idsOf(given) }],
  }
}

function removed(path: string, value: unknown): GroupEdit | undefined {
  const [, one] = /^members\[value eq "([\w-]{1,64})"\]$/iu.exec(path) ?? []
  if (one !== undefined) return { members: [{ verb: 'remove', ids: [one] }] }
  if (path === 'externalId') return { externalId: null, members: [] }
  if (path !== 'members') return { members: [] }
  if (value === undefined) return { members: [{ verb: 'replace', ids: [] }] }
  const read = members.safeParse(value)
  return read.success ? { members: [{ verb: 'remove', ids: idsOf(read.data) }] } : undefined
}

export const idsOf = (given: z.output<typeof members>): string[] => given.map((one) => one.value)

/** Members of a group after some edits. */
export function edited(before: readonly string[], edits: readonly MemberEdit[]): Set<string> {
  const after = new Set(before)
  for (const { verb, ids } of edits) {
    if (verb === 'replace') after.clear()
    for (const id of ids) {
      if (verb === 'remove') after.delete(id)
      else after.add(id)
    }
  }
  return after
}

/** @param hasMembers directories that look for a group only do not want them */
export const toScimGroup = (group: ScimGroup, baseUrl: string, hasMembers = true) => ({
  schemas: [GROUP_SCHEMA],
  id: group.id,
  displayName: group.name,
  ...(group.externalId !== null && { externalId: group.externalId }),
  ...(hasMembers && {
    members: group.members.map((value) => ({
      value,
      $ref: `${baseUrl}/scim/v2/Users/${value}`,
      type: 'User',
    })),
  }),
  meta: {
    resourceType: 'Group',
    created: new Date(group.createdAt).toISOString(),
    lastModified: new Date(group.updatedAt).toISOString(),
    location: `${baseUrl}/scim/v2/Groups/${group.id}`,
  },
})
