import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import { emitEvents } from '../notifications/emit.ts'
import type { Membership } from './membership.ts'
import { ROLES, type Role, roleCovers } from './roles.ts'

export interface MemberRow {
  readonly person: string
  readonly email: string
  readonly name: string
  readonly role: Role
  /** Milliseconds since 1970. */
  readonly since: number
}

export type MemberChange = 'done' | 'missing' | 'last-owner' | 'forbidden'

/** Who belongs to an organization. */
export function memberStore(db: Database) {
  return {
    /** Where a person belongs, as one of their sessions sees it. */
    memberships: (person: string, session: string): Promise<Membership[]> =>
      rows<Membership>(
        db,
        sql`select m.organization, o.name, m.role, o.disabled_at is not null as "isDisabled",
            o.restricted_at is not null as "isRestricted", exists (select from sso_connection c join sso_domain d on d.organization = c.organization
              where c.organization = m.organization and c.enforced and d.verified_at is not null
                and d.domain = split_part(p.email, '@', 2)) as "mustUseSso",
            exists (select from sso_session s
              where s.session = ${session} and s.organization = m.organization) as "isSso"
          from member m join organization o on o.id = m.organization join person p on p.id = m.person
          where m.person = ${person} and m.removed_at is null order by m.created_at, m.organization`,
      ),

    /** By address. */
    members: (organization: string, after: string, limit: number): Promise<MemberRow[]> =>
      rows<MemberRow>(
        db,
        sql`select m.person, p.email, p.name, m.role,
            (extract(epoch from m.created_at) * 1000)::float8 as since
          from member m join person p on p.id = m.person
          where m.organization = ${organization} and m.removed_at is null and p.email > ${after}
          order by p.email limit ${limit}`,
      ),

    /** Keys that the person made follow where the role becomes less. @param by who does it: only an owner makes, changes and removes owners */
    setRole: (change: {
      readonly organization: string
      readonly person: string
      readonly role: Role
      readonly by: Role
    }): Promise<MemberChange> =>
      transact(db, async (tx) => {
        const held = await locked(tx, change.organization, change.person)
        if (held.role === undefined) return 'missing'
        const touchesOwner = held.role === 'owner' || change.role === 'owner'
        if (touchesOwner && change.by !== 'owner') return 'forbidden'
        if (held.isLastOwner && change.role !== 'owner') return 'last-owner'
        await changeRole(tx, change.organization, change.person, change.role)
        return 'done'
      }),

    /** Ends a membership, and with it the keys that the person made. */
    removeMember: (change: Removal): Promise<MemberChange> =>
      transact(db, (tx) => endMembership(tx, change)),
  }
}

/** With the keys that the person made, where the role becomes less. */
export async function changeRole(
  tx: Database,
  organization: string,
  person: string,
  role: Role,
): Promise<void> {
  await tx.execute(sql`update member set role = ${role}
    where organization = ${organization} and person = ${person}`)
  const more = ROLES.filter((held) => !roleCovers(role, held))
  await tx.execute(sql`update api_key set role = ${role}
    where organization = ${organization} and created_by = ${`person:${person}`}
      and role = any(${textArray(more)})`)
}

export interface Removal {
  readonly organization: string
  readonly person: string
  /** Only an owner, or a directory that an owner has trusted, removes owners. */
  readonly by: Role
  readonly keepKeys: boolean
  /** Also the last owner's. */
  readonly isForced?: boolean
  readonly at: number
}

export async function endMembership(tx: Database, change: Removal): Promise<MemberChange> {
  const { organization, person, by } = change
  const held = await locked(tx, organization, person)
  if (held.role === undefined) return 'missing'
  if (held.isLastOwner && change.isForced !== true) return 'last-owner'
  if (held.role === 'owner' && by !== 'owner') return 'forbidden'
  const at = sql`${new Date(change.at).toISOString()}::timestamptz`
  await tx.execute(sql`update member set removed_at = ${at}
    where organization = ${organization} and person = ${person}`)
  // Whoever comes back is whom their issuer means then.
  await tx.execute(
    sql`delete from sso_identity where organization = ${organization} and person = ${person}`,
  )
  if (!change.keepKeys) {
    await tx.execute(sql`update api_key set revoked_at = ${at}
      where organization = ${organization} and created_by = ${`person:${person}`} and revoked_at is null`)
  }
  return 'done'
}

/**
 * What somebody is now. The organization's row is locked, so that of two owners who go at once one stays: every change of
 * members takes this lock first.
 */
async function locked(
  tx: Database,
  organization: string,
  person: string,
): Promise<{ role: Role | undefined; isLastOwner: boolean }> {
  await lockOrganization(tx, organization)
  const found = await rows<{ role: Role; owners: number }>(
    tx,
    sql`select m.role, (select count(*)::int4 from member o
        where o.organization = m.organization and o.role = 'owner' and o.removed_at is null) as owners
      from member m
      where m.organization = ${organization} and m.person = ${person} and m.removed_at is null`,
  )
  const role = found[0]?.role
  return { role, isLastOwner: role === 'owner' && found[0]?.owners === 1 }
}

export async function lockOrganization(tx: Database, organization: string): Promise<void> {
  await tx.execute(sql`select from organization where id = ${organization} for no key update`)
}

/** Makes somebody a member, or one again, and tells of it. Who is one keeps the role that they have. */
export async function addMember(
  tx: Database,
  given: { organization: string; person: string; role: Role; at: number },
): Promise<void> {
  const { organization, person, role } = given
  const at = new Date(given.at).toISOString()
  const joined = await rows(
    tx,
    sql`insert into member (organization, person, role, created_at)
      values (${organization}, ${person}, ${role}, ${at}::timestamptz)
      on conflict (organization, person) do update
      set role = excluded.role, created_at = excluded.created_at, removed_at = null
      where member.removed_at is not null returning person`,
  )
  if (joined.length === 0) return
  // Events go to other services: the id is enough for who may look it up.
  const event = { organization, kind: 'member.joined' as const, subject: person, facts: { role } }
  await emitEvents(tx, [{ ...event, cause: `${person} ${given.at}` }], given.at)
}
