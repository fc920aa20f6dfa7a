import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'

/** What a breach may have touched. */
export interface AffectedFilter {
  /** Half open, milliseconds since 1970. */
  readonly from: number
  readonly to: number
  /** Whose sessions ran there: a peer id. */
  readonly provider?: string
  readonly organization?: string
  /** Prefix of a key: what was asked for with it. */
  readonly key?: string
}

/** An organization whose data it may have touched. */
export interface AffectedOrganization {
  readonly organization: string
  readonly name: string | null
  /** Sessions that were under way in that time, and first and last of them. */
  readonly sessions: number
  readonly firstAt: number | null
  readonly lastAt: number | null
  /** People who are or were members in that time. */
  readonly people: number
  /** Entries of the log of access in that time. */
  readonly accesses: number
}

export interface AffectedPerson {
  readonly person: string
  /** null of who was erased. */
  readonly email: string | null
  readonly organization: string
}

export interface AffectedPage {
  /** Id of the last of the page before. */
  readonly after: string
  readonly limit: number
}

export function affectedStore(db: Database) {
  return {
    /** By id. Sessions are what was settled; a session that nobody settled is known to no one here. */
    affectedOrganizations: async (
      filter: AffectedFilter,
      page: AffectedPage,
    ): Promise<AffectedOrganization[]> => {
      const found = await rows<AffectedRow>(
        db,
        sql`with touched as (${touched(filter)})
          select o.id as organization, o.name, t.sessions, t.first_at::text as "firstAt", t.last_at::text as "lastAt",
            (select count(distinct m.person)::int4 from member m
              where m.organization = o.id and ${memberThen(filter)}) as people,
            (select count(*)::int4 from access_log a where a.organization = o.id
              and a.at >= ${iso(filter.from)} and a.at < ${iso(filter.to)}) as accesses
          from touched t join organization o on o.id = t.organization
          where o.id > ${page.after} order by o.id limit ${page.limit}`,
      )
      return found.map((row) => ({
        ...row,
        firstAt: toNumber(row.firstAt),
        lastAt: toNumber(row.lastAt),
      }))
    },

    /** Members of those organizations in that time, by id, to be told (Art. 34). */
    affectedPeople: (filter: AffectedFilter, page: AffectedPage): Promise<AffectedPerson[]> =>
      rows<AffectedPerson>(
        db,
        sql`with touched as (${touched(filter)})
          select distinct on (p.id) p.id as person, case when p.erased_at is null then p.email end as email, m.organization
          from touched t join member m on m.organization = t.organization join person p on p.id = m.person
          where ${memberThen(filter)} and p.id > ${page.after}
          order by p.id, m.organization limit ${page.limit}`,
      ),

    /** How many organizations, people and sessions in all. */
    affectedCounts: async (
      filter: AffectedFilter,
    ): Promise<{ organizations: number; people: number; sessions: number }> => {
      const [found] = await rows<{ organizations: number; people: number; sessions: number }>(
        db,
        sql`with touched as (${touched(filter)})
          select (select count(*)::int4 from touched) as organizations,
            (select coalesce(sum(sessions), 0)::int4 from touched) as sessions,
            (select count(distinct m.person)::int4 from touched t join member m on m.organization = t.organization
              where ${memberThen(filter)}) as people`,
      )
      return found ?? { organizations: 0, people: 0, sessions: 0 }
    },
  }
}

interface AffectedRow {
  readonly organization: string
  readonly name: string | null
  readonly sessions: number
  readonly firstAt: string | null
  readonly lastAt: string | null
  readonly people: number
  readonly accesses: number
}

/** Organizations with sessions of that time; or the one that is named, or whose key it is, also without any. */
function touched({ from, to, provider, organization, key }: AffectedFilter) {
  const sessions = sql`select s.organization, count(*)::int4 as sessions,
      (extract(epoch from min(s.accepted_at)) * 1000)::int8 as first_at,
      (extract(epoch from max(s.updated_at)) * 1000)::int8 as last_at
    from settled_session s
      left join spend_authorization z on z.serial = s.authorization_serial
      left join usage_spender u on u.organization = s.organization and u.id = z.spender
    where s.organization is not null and s.accepted_at < ${iso(to)} and s.updated_at >= ${iso(from)}
      ${provider === undefined ? sql`` : sql`and s.provider = ${provider}`}
      ${organization === undefined ? sql`` : sql`and s.organization = ${organization}`}
      ${key === undefined ? sql`` : sql`and u.key = ${key}`}
    group by s.organization`
  // A stolen key or a read account touches its organization whether or not anything was asked of a model.
  if (provider !== undefined || (organization === undefined && key === undefined)) return sessions
  const named =
    key === undefined
      ? sql`o.id = ${organization ?? ''}`
      : sql`o.id = (select k.organization from api_key k where k.prefix = ${key})`
  return sql`select o.id as organization, coalesce(x.sessions, 0) as sessions, x.first_at, x.last_at
    from organization o left join (${sessions}) x on x.organization = o.id where ${named}`
}

/** Of a member `m`: for some of that time. */
const memberThen = ({ from, to }: AffectedFilter) =>
  sql`m.created_at < ${iso(to)} and (m.removed_at is null or m.removed_at >= ${iso(from)})`

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
const toNumber = (text: string | null): number | null => (text === null ? null : Number(text))
