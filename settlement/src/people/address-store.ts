import { sql } from 'drizzle-orm'
import { type Database, databaseFault, rows, transact } from '../db/database.ts'

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`

/** The e-mail address of a person, and how it becomes another. */
export function addressStore(db: Database) {
  return {
    /**
     * Whether an organization says what a person's address is: one that they belong to and whose domain it is of, or one
     * whose directory knows them by it. A way around an organization's own sign-in would begin with another address.
     */
    isAddressKept: async (person: string): Promise<boolean> => {
      const found = await rows(db, isKept(person))
      return found.length > 0
    },

    /**
     * Uses the link up: its address is the person's from now on.
     *
     * @returns the address before; undefined when the link does not work, or not for this person, or the address is taken
     */
    changeAddress: async (
      hash: Uint8Array,
      person: string,
      at: number,
    ): Promise<{ before: string; after: string } | undefined> => {
      try {
        return await transact(db, (tx) => change(tx, hash, person, at))
      } catch (error) {
        // Somebody else proved it meanwhile.
        if (databaseFault(error)?.code === '23505') return undefined
        throw error
      }
    },
  }
}

const isKept = (person: string) => sql`select p.id from person p where p.id = ${person} and (
  exists (select from member m join sso_domain d on d.organization = m.organization
    where m.person = p.id and m.removed_at is null and d.verified_at is not null
      and d.domain = split_part(p.email, '@', 2))
  or exists (select from scim_user u where u.person = p.id))`

async function change(
  tx: Database,
  hash: Uint8Array,
  person: string,
  at: number,
): Promise<{ before: string; after: string } | undefined> {
  const [held] = await rows<{ email: string }>(
    tx,
    sql`select email from person where id = ${person} and disabled_at is null for update`,
  )
  if (held === undefined || (await rows(tx, isKept(person))).length > 0) return undefined
  const [link] = await rows<{ email: string }>(
    tx,
    sql`update person_token set used_at = ${iso(at)}
      where hash = ${Buffer.from(hash)} and person = ${person} and purpose = 'change'
        and used_at is null and expires_at > ${iso(at)}
      returning email`,
  )
  if (link === undefined) return undefined
  await tx.execute(sql`update person set email = ${link.email}, email_verified_at = ${iso(at)}
    where id = ${person}`)
  // Links that are on their way to the old address.
  await tx.execute(sql`delete from person_token where person = ${person} and purpose <> 'change'`)
  return { before: held.email, after: link.email }
}
