import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { lockOrganization } from './member-store.ts'
import type { Role } from './roles.ts'
import { rolesByGroups } from './roles-by-groups.ts'
import { edited } from './scim-group.ts'

/** Groups that a directory sends here: those that mean something, of the many that it has. */
export const GROUPS_MAX = 500

export interface ScimGroup {
  readonly id: string
  readonly name: string
  readonly externalId: string | null
  /** What its members are here; null where it means nothing. */
  readonly role: Exclude<Role, 'owner'> | null
  /** Ids of people. */
  readonly members: readonly string[]
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly updatedAt: number
}

export interface MemberEdit {
  readonly verb: 'add' | 'remove' | 'replace'
  readonly ids: readonly string[]
}

export interface GroupEdit {
  readonly name?: string
  readonly externalId?: string | null
  /** In their order. */
  readonly members: readonly MemberEdit[]
}

/** `unknown`: a member is nobody that the directory has here. */
export type GroupFault = 'missing' | 'taken' | 'unknown' | 'limit'

/** Groups of an organization's directory, and what they mean here. */
export function scimGroupStore(db: Database) {
  return {
    scimGroups: async (
      organization: string,
      page: { readonly name?: string; readonly offset: number; readonly limit: number },
    ): Promise<{ total: number; groups: ScimGroup[] }> => {
      const { name, offset, limit } = page
      const which = sql`g.organization = ${organization}
        ${name === undefined ? sql`` : sql`and lower(g.name) = lower(${name})`}`
      const [count] = await rows<{ total: number }>(
        db,
        sql`select count(*)::int4 as total from scim_group g where ${which}`,
      )
      const groups = await rows<ScimGroup>(
        db,
        sql`select ${COLUMNS} from scim_group g where ${which}
          order by g.created_at, g.id offset ${offset} limit ${limit}`,
      )
      return { total: count?.total ?? 0, groups }
    },

    scimGroup: (organization: string, id: string) => find(db, organization, id),

    addScimGroup: (
      organization: string,
      given: { readonly id: string } & GroupEdit & { readonly name: string },
      at: number,
    ): Promise<ScimGroup | GroupFault> =>
      transact(db, async (tx) => {
        await lockOrganization(tx, organization)
        const { id, name, externalId = null } = given
        const [count] = await rows<{ all: number }>(
          tx,
          sql`select count(*)::int4 as "all" from scim_group where organization = ${organization}`,
        )
        if ((count?.all ?? 0) >= GROUPS_MAX) return 'limit'
        if (await isTaken(tx, organization, name)) return 'taken'
        if (!(await areKnown(tx, organization, given))) return 'unknown'
        await tx.execute(sql`insert into scim_group (organization, id, name, external_id, created_at, updated_at)
          values (${organization}, ${id}, ${name}, ${externalId}, ${iso(at)}, ${iso(at)})`)
        await setMembers(tx, organization, id, [], edited([], given.members))
        return (await find(tx, organization, id)) ?? 'missing'
      }),

    /** Roles follow in the same transaction. */
    changeScimGroup: (
      organization: string,
      id: string,
      edit: GroupEdit,
      at: number,
    ): Promise<ScimGroup | GroupFault> =>
      transact(db, async (tx) => {
        await lockOrganization(tx, organization)
        const before = await find(tx, organization, id)
        if (before === undefined) return 'missing'
        const { name = before.name, externalId = before.externalId } = edit
        if (await isTaken(tx, organization, name, id)) return 'taken'
        if (!(await areKnown(tx, organization, edit))) return 'unknown'
        await tx.execute(sql`update scim_group set name = ${name}, external_id = ${externalId}, updated_at = ${iso(at)}
          where organization = ${organization} and id = ${id}`)
        const after = edited(before.members, edit.members)
        await setMembers(tx, organization, id, before.members, after)
        if (before.role !== null)
          await rolesByGroups(tx, organization, [...before.members, ...after])
        return (await find(tx, organization, id)) ?? 'missing'
      }),

    /** What the group means here. @param role null is nothing: its members become what they are without it */
    setScimGroupRole: (
      organization: string,
      id: string,
      role: ScimGroup['role'],
      at: number,
    ): Promise<ScimGroup | undefined> =>
      transact(db, async (tx) => {
        await lockOrganization(tx, organization)
        await tx.execute(sql`update scim_group set role = ${role}, updated_at = ${iso(at)}
          where organization = ${organization} and id = ${id}`)
        const group = await find(tx, organization, id)
        if (group !== undefined) await rolesByGroups(tx, organization, group.members)
        return group
      }),

    /** @returns whether there was one */
    dropScimGroup: (organization: string, id: string): Promise<boolean> =>
      transact(db, async (tx) => {
        await lockOrganization(tx, organization)
        const before = await find(tx, organization, id)
        if (before === undefined) return false
        await tx.execute(
          sql`delete from scim_group where organization = ${organization} and id = ${id}`,
        )
        if (before.role !== null) await rolesByGroups(tx, organization, before.members)
        return true
      }),
  }
}

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
const COLUMNS = sql`g.id, g.name, g.external_id as "externalId", g.role,
  array(select m.person from scim_group_member m
    where m.organization = g.organization and m.scim_group = g.id order by m.person) as members,
  (extract(epoch from g.created_at) * 1000)::float8 as "createdAt",
  (extract(epoch from g.updated_at) * 1000)::float8 as "updatedAt"`

async function find(
  db: Database,
  organization: string,
  id: string,
): Promise<ScimGroup | undefined> {
  const [row] = await rows<ScimGroup>(
    db,
    sql`select ${COLUMNS} from scim_group g where g.organization = ${organization} and g.id = ${id}`,
  )
  return row
}

async function isTaken(
  tx: Database,
  organization: string,
  name: string,
  except = '',
): Promise<boolean> {
  const found = await rows(
    tx,
    sql`select id from scim_group
      where organization = ${organization} and lower(name) = lower(${name}) and id <> ${except}`,
  )
  return found.length > 0
}

/** Whether the directory has everybody here whom it adds. */
async function areKnown(
  tx: Database,
  organization: string,
  { members }: GroupEdit,
): Promise<boolean> {
  const added = new Set(members.flatMap(({ verb, ids }) => (verb === 'remove' ? [] : ids)))
  const known = await rows(
    tx,
    sql`select person from scim_user where organization = ${organization} and person = any(${textArray([...added])})`,
  )
  return known.length === added.size
}

async function setMembers(
  tx: Database,
  organization: string,
  group: string,
  before: readonly string[],
  after: ReadonlySet<string>,
): Promise<void> {
  const gone = before.filter((person) => !after.has(person))
  await tx.execute(sql`delete from scim_group_member
    where organization = ${organization} and scim_group = ${group} and person = any(${textArray(gone)})`)
  await tx.execute(sql`insert into scim_group_member (organization, scim_group, person)
    select ${organization}, ${group}, person from unnest(${textArray([...after])}) as person
    on conflict do nothing`)
}
