import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import { changeRole } from './member-store.ts'
import type { Role } from './roles.ts'

/** Of several groups the first of these counts. No group makes an owner: owners make owners. */
const ORDER: readonly Role[] = ['admin', 'developer', 'billing', 'auditor']

/** What a person's groups make of them; null where no group that they are in means anything. */
export const roleByGroups = (organization: string, person: ReturnType<typeof sql>) =>
  sql`(select g.role from scim_group_member s
      join scim_group g on g.organization = s.organization and g.id = s.scim_group
    where s.organization = ${organization} and s.person = ${person} and g.role is not null
    order by array_position(${textArray(ORDER)}, g.role) limit 1)`

/** What who comes through a directory or an issuer is, unless a group says otherwise. */
export const defaultRole = (organization: string) =>
  sql`coalesce((select default_role from sso_connection where organization = ${organization}), 'developer')`

/** Gives people the roles that their groups mean, or the default role; owners stay owners. The organization's row is locked. */
export async function rolesByGroups(
  tx: Database,
  organization: string,
  people: readonly string[],
): Promise<void> {
  const found = await rows<{ person: string; role: Role }>(
    tx,
    sql`select m.person, coalesce(${roleByGroups(organization, sql`m.person`)}, ${defaultRole(organization)}) as role
      from member m where m.organization = ${organization} and m.removed_at is null and m.role <> 'owner'
        and m.person = any(${textArray(people)}) order by m.person`,
  )
  for (const { person, role } of found) await changeRole(tx, organization, person, role)
}
