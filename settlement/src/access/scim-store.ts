import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { claimPerson, endSessions, ownsDomainOf } from './claim-person.ts'
import { MEMBERS_MAX } from './invitation-store.ts'
import { addMember, endMembership, lockOrganization } from './member-store.ts'
import type { Role } from './roles.ts'
import { defaultRole, roleByGroups } from './roles-by-groups.ts'

/** A person as the directory of an organization has them. */
export interface ScimUser {
  /** The person's id. */
  readonly id: string
  readonly userName: string
  readonly name: string
  readonly externalId: string | null
  readonly active: boolean
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly updatedAt: number
}

export interface ScimOrganization {
  readonly organization: string
  /** It has had the processing of its data restricted. */
  readonly isRestricted: boolean
}

export interface ScimChange {
  readonly active: boolean
  /** Not given, it stays. */
  readonly externalId?: string | null
}

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
const columns = sql`u.person as id, p.email as "userName", p.name, u.external_id as "externalId", u.active,
  (extract(epoch from u.created_at) * 1000)::float8 as "createdAt",
  (extract(epoch from u.updated_at) * 1000)::float8 as "updatedAt"`

/** What an organization's directory says of its people. */
export function scimStore(db: Database) {
  return {
    scimOrganization: async (hash: Uint8Array): Promise<ScimOrganization | undefined> => {
      const [row] = await rows<ScimOrganization>(
        db,
        sql`select t.organization, o.restricted_at is not null as "isRestricted" from scim_token t join organization o on o.id = t.organization
          where t.hash = ${Buffer.from(hash)} and o.disabled_at is null`,
      )
      return row
    },

    /** In place of the one before; null takes it away. */
    setScimToken: async (organization: string, hash: Uint8Array | null, at: number) => {
      if (hash === null) {
        await db.execute(sql`delete from scim_token where organization = ${organization}`)
        return
      }
      await db.execute(sql`insert into scim_token (organization, hash, created_at)
        values (${organization}, ${Buffer.from(hash)}, ${iso(at)})
        on conflict (organization) do update set hash = excluded.hash, created_at = excluded.created_at`)
    },

    scimUsers: async (
      organization: string,
      page: { readonly userName?: string; readonly offset: number; readonly limit: number },
    ): Promise<{ total: number; users: ScimUser[] }> => {
      const { userName, offset, limit } = page
      const which = sql`from scim_user u join person p on p.id = u.person where u.organization = ${organization}
        ${userName === undefined ? sql`` : sql`and p.email = ${userName}`}`
      const [count] = await rows<{ total: number }>(
        db,
        sql`select count(*)::int4 as total ${which}`,
      )
      const users = await rows<ScimUser>(
        db,
        sql`select ${columns} ${which} order by u.created_at, u.person offset ${offset} limit ${limit}`,
      )
      return { total: count?.total ?? 0, users }
    },

    scimUser: (organization: string, person: string) => find(db, organization, person),

    /** Makes a member of somebody with an address of a proven domain. */
    addScimUser: (
      organization: string,
      given: ScimChange & { readonly userName: string; readonly name: string },
      at: number,
    ): Promise<ScimUser | 'taken' | 'foreign' | 'limit'> =>
      transact(db, async (tx) => {
        await lockOrganization(tx, organization)
        const { userName: email, name, active, externalId = null } = given
        if (!(await ownsDomainOf(tx, organization, email))) return 'foreign'
        const person = await claimPerson(tx, { email, name, at })
        if (person === undefined) return 'foreign'
        if ((await find(tx, organization, person)) !== undefined) return 'taken'
        if (active && !(await admit(tx, organization, person, at))) return 'limit'
        await tx.execute(sql`insert into scim_user (organization, person, external_id, active, created_at, updated_at)
          values (${organization}, ${person}, ${externalId}, ${active}, ${iso(at)}, ${iso(at)})`)
        return (await find(tx, organization, person)) ?? 'taken'
      }),

    /** Lets them in, or ends their membership, their keys and their sessions, at once and together. */
    changeScimUser: (
      organization: string,
      person: string,
      change: ScimChange,
      at: number,
    ): Promise<ScimUser | 'missing' | 'last-owner' | 'limit'> =>
      transact(db, async (tx) => {
        await lockOrganization(tx, organization)
        if ((await find(tx, organization, person)) === undefined) return 'missing'
        const { active, externalId } = change
        if (active && !(await admit(tx, organization, person, at))) return 'limit'
        if (!active && !(await expel(tx, organization, person, at))) return 'last-owner'
        const external = externalId === undefined ? sql`` : sql`, external_id = ${externalId}`
        await tx.execute(sql`update scim_user set active = ${active}, updated_at = ${iso(at)} ${external}
          where organization = ${organization} and person = ${person}`)
        return (await find(tx, organization, person)) ?? 'missing'
      }),

    /** The directory forgets them: they lose what they had through it. */
    dropScimUser: (
      organization: string,
      person: string,
      at: number,
    ): Promise<'done' | 'missing' | 'last-owner'> =>
      transact(db, async (tx) => {
        await lockOrganization(tx, organization)
        if ((await find(tx, organization, person)) === undefined) return 'missing'
        if (!(await expel(tx, organization, person, at))) return 'last-owner'
        await tx.execute(
          sql`delete from scim_group_member where organization = ${organization} and person = ${person}`,
        )
        await tx.execute(
          sql`delete from scim_user where organization = ${organization} and person = ${person}`,
        )
        return 'done'
      }),
  }
}

async function find(
  db: Database,
  organization: string,
  person: string,
): Promise<ScimUser | undefined> {
  const [row] = await rows<ScimUser>(
    db,
    sql`select ${columns} from scim_user u join person p on p.id = u.person
      where u.organization = ${organization} and u.person = ${person}`,
  )
  return row
}

async function admit(
  tx: Database,
  organization: string,
  person: string,
  at: number,
): Promise<boolean> {
  const [row] = await rows<{ members: number; role: Role }>(
    tx,
    sql`select (select count(*) from member where organization = ${organization} and removed_at is null
          and person <> ${person})::int4 as members,
        coalesce(${roleByGroups(organization, sql`${person}`)}, ${defaultRole(organization)}) as role`,
  )
  if (row === undefined || row.members >= MEMBERS_MAX) return false
  await addMember(tx, { organization, person, role: row.role, at })
  return true
}

async function expel(
  tx: Database,
  organization: string,
  person: string,
  at: number,
): Promise<boolean> {
  const change = { organization, person, by: 'owner', keepKeys: false, at } as const
  if ((await endMembership(tx, change)) === 'last-owner') return false
  await endSessions(tx, person, at)
  return true
}
