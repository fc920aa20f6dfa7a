import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { type SQL, sql } from 'drizzle-orm'
import type { Role } from '../access/roles.ts'
import { type Database, rows } from '../db/database.ts'

/** An organization in a list of the platform's. */
export interface ListedOrganization {
  readonly organization: string
  readonly name: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly disabledAt: number | null
  readonly available: PicoEuro
  readonly held: PicoEuro
  /** What it owes the platform. */
  readonly debt: PicoEuro
}

export interface OrganizationDetails extends ListedOrganization {
  /** The basis on which its data are processed; null when none was stated, or it was withdrawn. */
  readonly basis: string | null
  readonly members: readonly ListedMember[]
  readonly keys: number
  readonly consumers: readonly string[]
  /** Authorizations that still hold money, newest first. */
  readonly holds: readonly OpenHold[]
}

export interface ListedMember {
  readonly person: string
  readonly email: string
  readonly role: Role
  readonly since: number
}

export interface OpenHold {
  readonly authorization: string
  readonly provider: string
  readonly limit: PicoEuro
  readonly spent: PicoEuro
  readonly notAfter: number
}

export interface OrganizationsQuery {
  /** An id, or a part of a name. */
  readonly search?: string
  readonly disabled?: boolean
  /** The organization that the page before ended with. */
  readonly after?: string
  readonly limit: number
}

/** Nobody reads more at once; the counts and the lists of the organization itself go on. */
const MEMBERS_MAX = 100
const CONSUMERS_MAX = 100
const HOLDS_MAX = 100

export function organizationDirectory(db: Database) {
  return {
    /** By id. */
    organizations: async (query: OrganizationsQuery): Promise<ListedOrganization[]> => {
      const { search, disabled, after, limit } = query
      const wanted: SQL[] = [
        sql`true`,
        ...(after === undefined ? [] : [sql`o.id > ${after}`]),
        ...(disabled === undefined ? [] : [sql`(o.disabled_at is not null) = ${disabled}`]),
        ...(search === undefined
          ? []
          : [sql`(o.id = ${search} or strpos(lower(o.name), lower(${search})) > 0)`]),
      ]
      const found = await rows<StoredOrganization>(
        db,
        sql`${LISTED} where ${sql.join(wanted, sql` and `)} order by o.id limit ${limit}`,
      )
      return found.map(toListed)
    },

    organizationDetails: async (id: string): Promise<OrganizationDetails | undefined> => {
      const [row] = await rows<StoredOrganization>(db, sql`${LISTED} where o.id = ${id}`)
      if (row === undefined) return undefined
      const [more] = await rows<{ basis: string | null; keys: number }>(
        db,
        sql`select (select basis from lawful_basis where organization = ${id} and purpose = 'inference'
            and withdrawn_at is null) as basis,
          (select count(*) from api_key where organization = ${id} and revoked_at is null)::int4 as keys`,
      )
      return {
        ...toListed(row),
        basis: more?.basis ?? null,
        keys: more?.keys ?? 0,
        members: await membersOf(db, id),
        consumers: await consumersOf(db, id),
        holds: await holdsOf(db, id),
      }
    },
  }
}

interface StoredOrganization {
  readonly organization: string
  readonly name: string
  readonly created_at: string
  readonly disabled_at: string | null
  readonly available: string
  readonly held: string
  readonly debt: string
}

const credit = (kind: string) =>
  `coalesce((select credits - debits from ledger_balance where account = '${kind}/' || o.id), 0)`
const LISTED = sql.raw(`select o.id as organization, o.name,
  (extract(epoch from o.created_at) * 1000)::int8::text as created_at,
  (extract(epoch from o.disabled_at) * 1000)::int8::text as disabled_at,
  ${credit('available')}::text as available, ${credit('held')}::text as held, (-${credit('debt')})::text as debt
  from organization o`)

const toListed = (row: StoredOrganization): ListedOrganization => ({
  organization: row.organization,
  name: row.name,
  createdAt: Number(row.created_at),
  disabledAt: row.disabled_at === null ? null : Number(row.disabled_at),
  available: picoEuro(BigInt(row.available)),
  held: picoEuro(BigInt(row.held)),
  debt: picoEuro(BigInt(row.debt)),
})

async function membersOf(db: Database, organization: string): Promise<ListedMember[]> {
  const found = await rows<Omit<ListedMember, 'since'> & { since: string }>(
    db,
    sql`select m.person, p.email, m.role, (extract(epoch from m.created_at) * 1000)::int8::text as since
      from member m join person p on p.id = m.person
      where m.organization = ${organization} and m.removed_at is null order by m.created_at, m.person limit ${MEMBERS_MAX}`,
  )
  return found.map((row) => ({ ...row, since: Number(row.since) }))
}

async function consumersOf(db: Database, organization: string): Promise<string[]> {
  const found = await rows<{ peer_id: string }>(
    db,
    sql`select peer_id from consumer where organization = ${organization} order by created_at, peer_id limit ${CONSUMERS_MAX}`,
  )
  return found.map(({ peer_id }) => peer_id)
}

async function holdsOf(db: Database, organization: string): Promise<OpenHold[]> {
  const found = await rows<{
    authorization: string
    provider: string
    limit: string
    spent: string
    not_after: string
  }>(
    db,
    sql`select cid as "authorization", provider, amount_limit::text as "limit", spent::text as spent,
        (extract(epoch from not_after) * 1000)::int8::text as not_after
      from spend_authorization where organization = ${organization} and closed_at is null
      order by serial desc limit ${HOLDS_MAX}`,
  )
  return found.map(({ not_after, limit, spent, ...row }) => ({
    ...row,
    limit: picoEuro(BigInt(limit)),
    spent: picoEuro(BigInt(spent)),
    notAfter: Number(not_after),
  }))
}
