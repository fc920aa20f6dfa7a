import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { emitEvents } from '../notifications/emit.ts'
import { addMember, lockOrganization } from './member-store.ts'
import type { Role } from './roles.ts'

/** Members and open invitations of an organization together: more than any company that asks by e-mail. */
export const MEMBERS_MAX = 1000
/** Mails for one invitation: more is a nuisance for whoever gets them. */
export const SENT_MAX = 5

export interface InvitationRow {
  readonly id: string
  readonly email: string
  readonly role: Role
  readonly invitedBy: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly expiresAt: number
  /** How many mails were sent. */
  readonly sent: number
}

export interface NewInvitation {
  readonly id: string
  readonly organization: string
  readonly email: string
  readonly role: Role
  readonly hash: Uint8Array
  readonly invitedBy: string
  readonly at: number
  readonly expiresAt: number
}

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
const isOpen = sql`accepted_at is null and revoked_at is null`

/** Who was asked to join. */
export function invitationStore(db: Database) {
  return {
    /** In place of an open one to the same address. */
    addInvitation: (given: NewInvitation): Promise<'done' | 'member' | 'limit'> =>
      transact(db, async (tx) => {
        const { organization, email, at } = given
        await lockOrganization(tx, organization)
        await tx.execute(sql`update invitation set revoked_at = ${iso(at)}
          where organization = ${organization} and email = ${email} and ${isOpen}`)
        const [count] = await rows<{ all: number; known: number }>(
          tx,
          sql`select (select count(*) from member where organization = ${organization} and removed_at is null)::int4
              + (select count(*) from invitation where organization = ${organization} and ${isOpen}
                and expires_at > ${iso(at)})::int4 as "all",
            (select count(*) from member m join person p on p.id = m.person
              where m.organization = ${organization} and m.removed_at is null and p.email = ${email})::int4 as known`,
        )
        if (count !== undefined && count.known > 0) return 'member'
        if (count !== undefined && count.all >= MEMBERS_MAX) return 'limit'
        await tx.execute(sql`insert into invitation
            (id, organization, email, role, hash, invited_by, created_at, expires_at)
          values (${given.id}, ${organization}, ${email}, ${given.role}, ${Buffer.from(given.hash)},
            ${given.invitedBy}, ${iso(at)}, ${iso(given.expiresAt)})`)
        const { id, role, invitedBy: by } = given
        const event = { organization, kind: 'member.invited' as const, subject: id, cause: id }
        await emitEvents(tx, [{ ...event, facts: { role, by } }], at)
        return 'done'
      }),

    /** Those that wait for an answer, newest first; also those that are too old to be accepted. */
    invitations: (organization: string): Promise<InvitationRow[]> =>
      rows<InvitationRow>(
        db,
        sql`select id, email, role, invited_by as "invitedBy", sent,
            (extract(epoch from created_at) * 1000)::float8 as "createdAt",
            (extract(epoch from expires_at) * 1000)::float8 as "expiresAt"
          from invitation where organization = ${organization} and ${isOpen}
          order by created_at desc, id limit ${MEMBERS_MAX}`,
      ),

    /** Another token and another week; the token of the mail before is worth nothing any more. */
    renewInvitation: async (given: {
      readonly organization: string
      readonly id: string
      readonly hash: Uint8Array
      readonly expiresAt: number
    }): Promise<{ email: string; role: Role } | undefined> => {
      const [row] = await rows<{ email: string; role: Role }>(
        db,
        sql`update invitation set hash = ${Buffer.from(given.hash)}, expires_at = ${iso(given.expiresAt)},
            sent = sent + 1
          where organization = ${given.organization} and id = ${given.id} and ${isOpen} and sent < ${SENT_MAX}
          returning email, role`,
      )
      return row
    },

    /** @returns whether there was one that waited for an answer */
    revokeInvitation: async (organization: string, id: string, at: number): Promise<boolean> => {
      const revoked = await rows(
        db,
        sql`update invitation set revoked_at = ${iso(at)}
          where organization = ${organization} and id = ${id} and ${isOpen} returning id`,
      )
      return revoked.length > 0
    },

    /** What somebody with the link may be told before they accept. */
    invitationByHash: async (
      hash: Uint8Array,
      at: number,
    ): Promise<
      { id: string; organization: string; name: string; email: string; role: Role } | undefined
    > => {
      const [row] = await rows<{
        id: string
        organization: string
        name: string
        email: string
        role: Role
      }>(
        db,
        sql`select i.id, i.organization, o.name, i.email, i.role
          from invitation i join organization o on o.id = i.organization
          where i.hash = ${Buffer.from(hash)} and ${isOpen} and i.expires_at > ${iso(at)}`,
      )
      return row
    },

    /** Once, by the person whose proven address was invited; anybody else changes nothing. */
    acceptInvitation: (
      hash: Uint8Array,
      person: string,
      at: number,
    ): Promise<{ organization: string; role: Role } | undefined> =>
      transact(db, async (tx) => {
        const [taken] = await rows<{ organization: string; role: Role }>(
          tx,
          sql`update invitation i set accepted_at = ${iso(at)}, accepted_by = p.id
            from person p
            where i.hash = ${Buffer.from(hash)} and i.accepted_at is null and i.revoked_at is null
              and i.expires_at > ${iso(at)} and p.id = ${person} and p.email = i.email
              and p.email_verified_at is not null and p.disabled_at is null
            returning i.organization, i.role`,
        )
        if (taken === undefined) return undefined
        await addMember(tx, { ...taken, person, at })
        return taken
      }),
  }
}
