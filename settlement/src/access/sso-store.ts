import { sql } from 'drizzle-orm'
import { type Database, databaseFault, rows, transact } from '../db/database.ts'
import { claimPerson, ownsDomainOf } from './claim-person.ts'
import { MEMBERS_MAX } from './invitation-store.ts'
import { addMember, lockOrganization } from './member-store.ts'
import type { Role } from './roles.ts'

/** Domains of an organization: a large one has some brands. */
export const DOMAINS_MAX = 50

export interface SsoConnection {
  readonly organization: string
  readonly issuer: string
  readonly clientId: string
  readonly secretSealed: Uint8Array
  readonly defaultRole: Exclude<Role, 'owner'>
  readonly enforced: boolean
}

export interface SsoDomain {
  readonly domain: string
  /** What the domain's TXT record must say. */
  readonly token: string
  /** Milliseconds since 1970. */
  readonly verifiedAt: number | null
}

export interface SsoSignIn {
  readonly state: Uint8Array
  readonly organization: string
  readonly issuer: string
  readonly clientId: string
  readonly browser: Uint8Array
  readonly nonce: string
  readonly verifier: string
  readonly expiresAt: number
}

export interface SsoPerson {
  readonly organization: string
  readonly issuer: string
  readonly subject: string
  readonly email: string
  readonly name: string
  readonly at: number
}

/** What became of somebody whom an issuer vouches for. */
export type SsoAdmission =
  | { readonly outcome: 'in'; readonly person: string; readonly isNew: boolean }
  | { readonly outcome: 'foreign' | 'conflict' | 'removed' | 'limit' }

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
const hex = (bytes: string) => Uint8Array.from(Buffer.from(bytes, 'hex'))

/** How an organization's people sign in through their own issuer. */
export function ssoStore(db: Database) {
  return {
    ssoConnection: async (organization: string): Promise<SsoConnection | undefined> => {
      const [row] = await rows<Omit<SsoConnection, 'secretSealed'> & { sealed: string }>(
        db,
        sql`select organization, issuer, client_id as "clientId", encode(secret_sealed, 'hex') as sealed,
            default_role as "defaultRole", enforced
          from sso_connection where organization = ${organization}`,
      )
      if (row === undefined) return undefined
      const { sealed, ...connection } = row
      return { ...connection, secretSealed: hex(sealed) }
    },

    /** Sign-ins that are under way at another issuer come to nothing. */
    setSsoConnection: async (given: SsoConnection, at: number): Promise<void> => {
      await db.execute(sql`insert into sso_connection
          (organization, issuer, client_id, secret_sealed, default_role, enforced, updated_at)
        values (${given.organization}, ${given.issuer}, ${given.clientId}, ${Buffer.from(given.secretSealed)},
          ${given.defaultRole}, ${given.enforced}, ${iso(at)})
        on conflict (organization) do update set issuer = excluded.issuer, client_id = excluded.client_id,
          secret_sealed = excluded.secret_sealed, default_role = excluded.default_role,
          enforced = excluded.enforced, updated_at = excluded.updated_at`)
    },

    dropSsoConnection: async (organization: string): Promise<void> => {
      await db.execute(sql`delete from sso_connection where organization = ${organization}`)
    },

    ssoDomains: (organization: string): Promise<SsoDomain[]> =>
      rows<SsoDomain>(
        db,
        sql`select domain, token, (extract(epoch from verified_at) * 1000)::float8 as "verifiedAt"
          from sso_domain where organization = ${organization} order by domain`,
      ),

    /** @returns what stands there, which is the first token; undefined when there are too many */
    addSsoDomain: (
      organization: string,
      domain: string,
      token: string,
      at: number,
    ): Promise<string | undefined> =>
      transact(db, async (tx) => {
        await lockOrganization(tx, organization)
        const [row] = await rows<{ count: number }>(
          tx,
          sql`select count(*)::int4 as count from sso_domain
            where organization = ${organization} and domain <> ${domain}`,
        )
        if (row === undefined || row.count >= DOMAINS_MAX) return undefined
        const [kept] = await rows<{ token: string }>(
          tx,
          sql`insert into sso_domain (organization, domain, token, created_at)
            values (${organization}, ${domain}, ${token}, ${iso(at)})
            on conflict (organization, domain) do update set token = sso_domain.token returning token`,
        )
        return kept?.token
      }),

    /** @returns false when another organization has proven the domain */
    verifySsoDomain: async (organization: string, domain: string, at: number): Promise<boolean> => {
      try {
        await db.execute(sql`update sso_domain set verified_at = coalesce(verified_at, ${iso(at)})
          where organization = ${organization} and domain = ${domain}`)
        return true
      } catch (error) {
        if (databaseFault(error)?.code === '23505') return false
        throw error
      }
    },

    dropSsoDomain: async (organization: string, domain: string): Promise<boolean> =>
      (
        await rows(
          db,
          sql`delete from sso_domain where organization = ${organization} and domain = ${domain}
            returning domain`,
        )
      ).length > 0,

    /** The organization that people of an address sign in with. */
    ssoOrganizationOf: async (email: string): Promise<string | undefined> => {
      const [row] = await rows<{ organization: string }>(
        db,
        sql`select d.organization from sso_domain d join sso_connection c on c.organization = d.organization
            join organization o on o.id = d.organization
          where o.disabled_at is null and d.verified_at is not null and d.domain = split_part(${email}, '@', 2)`,
      )
      return row?.organization
    },

    /** Also forgets those that nobody came back from. */
    addSsoSignIn: async (given: SsoSignIn, at: number): Promise<void> => {
      await db.execute(sql`delete from sso_sign_in where expires_at < ${iso(at)}`)
      await db.execute(sql`insert into sso_sign_in
          (state, organization, issuer, client_id, browser, nonce, verifier, expires_at)
        values (${Buffer.from(given.state)}, ${given.organization}, ${given.issuer}, ${given.clientId},
          ${Buffer.from(given.browser)}, ${given.nonce}, ${given.verifier}, ${iso(given.expiresAt)})`)
    },

    /** Once: whoever comes with the same state again finds nothing. */
    takeSsoSignIn: async (state: Uint8Array): Promise<Omit<SsoSignIn, 'state'> | undefined> => {
      const [row] = await rows<Omit<SsoSignIn, 'state' | 'browser'> & { browser: string }>(
        db,
        sql`delete from sso_sign_in where state = ${Buffer.from(state)}
          returning organization, issuer, client_id as "clientId", encode(browser, 'hex') as browser,
            nonce, verifier, (extract(epoch from expires_at) * 1000)::float8 as "expiresAt"`,
      )
      return row && { ...row, browser: hex(row.browser) }
    },

    /** Lets in whom the issuer vouches for, as a new member if need be; nobody whom the organization has let go. */
    admitBySso: (given: SsoPerson): Promise<SsoAdmission> =>
      transact(db, async (tx) => {
        await lockOrganization(tx, given.organization)
        if (!(await ownsDomainOf(tx, given.organization, given.email)))
          return { outcome: 'foreign' }
        const person = await identified(tx, given)
        if (person === undefined) return { outcome: 'conflict' }
        return enter(tx, given, person)
      }),

    ssoOrganizationOfSession: async (session: string): Promise<string | undefined> => {
      const [row] = await rows<{ organization: string }>(
        db,
        sql`select organization from sso_session where session = ${session}`,
      )
      return row?.organization
    },

    /** Says through whose issuer a session came. */
    markSsoSession: async (session: string, organization: string): Promise<void> => {
      await db.execute(
        sql`insert into sso_session (session, organization) values (${session}, ${organization})`,
      )
    },
  }
}

/**
 * The person that a subject is: the one it was before, or the one with its address. An address that another subject of the
 * issuer had is somebody else's now, and gives nobody their account.
 */
async function identified(tx: Database, given: SsoPerson): Promise<string | undefined> {
  const { organization, issuer, subject, email, name, at } = given
  const [known] = await rows<{ person: string; isDisabled: boolean }>(
    tx,
    sql`select i.person, p.disabled_at is not null as "isDisabled"
      from sso_identity i join person p on p.id = i.person
      where i.organization = ${organization} and i.issuer = ${issuer} and i.subject = ${subject}`,
  )
  if (known !== undefined) return known.isDisabled ? undefined : known.person
  const person = await claimPerson(tx, { email, name, at })
  if (person === undefined) return undefined
  const others = await rows(
    tx,
    sql`select subject from sso_identity
      where organization = ${organization} and issuer = ${issuer} and person = ${person}`,
  )
  if (others.length > 0) return undefined
  await tx.execute(sql`insert into sso_identity (organization, issuer, subject, person, created_at)
    values (${organization}, ${issuer}, ${subject}, ${person}, ${iso(at)})`)
  return person
}

async function enter(
  tx: Database,
  { organization, at }: SsoPerson,
  person: string,
): Promise<SsoAdmission> {
  const [state] = await rows<{
    isMember: boolean
    wasMember: boolean
    members: number
    role: Role
  }>(
    tx,
    sql`select exists (select from member where organization = ${organization} and person = ${person}
        and removed_at is null) as "isMember",
      exists (select from member where organization = ${organization} and person = ${person})
        or exists (select from scim_user where organization = ${organization} and person = ${person}
          and not active) as "wasMember",
      (select count(*) from member where organization = ${organization} and removed_at is null)::int4 as members,
      (select default_role from sso_connection where organization = ${organization}) as role`,
  )
  if (state === undefined) return { outcome: 'removed' }
  if (state.isMember) return { outcome: 'in', person, isNew: false }
  if (state.wasMember) return { outcome: 'removed' }
  if (state.members >= MEMBERS_MAX) return { outcome: 'limit' }
  await addMember(tx, { organization, person, role: state.role, at })
  return { outcome: 'in', person, isNew: true }
}
