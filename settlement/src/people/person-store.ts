import { and, eq, gt, isNotNull, isNull } from 'drizzle-orm'
import { type Database, LostRace, transact } from '../db/database.ts'
import { person, personSession, personToken, personTotp } from '../db/schema.ts'
import type { Person } from './person.ts'

/** `change` makes the address that it was sent to the person's. */
export type LinkPurpose = 'verify' | 'reset' | 'change'

/** A link in a mail, of which only the hash is kept. */
export interface NewLink {
  readonly hash: Uint8Array
  readonly at: number
  readonly expiresAt: number
}

export interface NewPerson {
  /** Of the person, if there is none yet. */
  readonly id: string
  readonly email: string
  readonly name: string
  readonly passwordHash: string
  readonly link: NewLink
}

/** People with their passwords, and the links that are sent to them. */
export function personStore(db: Database) {
  return {
    /**
     * Takes a person in, until the address is proven under the name and password that were given last: whoever comes first
     * with somebody's address must not leave a password behind.
     *
     * @returns false when the address is proven to be somebody's, and then nothing was changed
     */
    signUp: ({ link, ...given }: NewPerson): Promise<boolean> =>
      transact(db, async (tx) => {
        const { id, email, name, passwordHash } = given
        const [known] = await tx.select().from(person).where(eq(person.email, email)).for('update')
        if (known !== undefined && (known.emailVerifiedAt !== null || known.disabledAt !== null)) {
          return false
        }
        if (known === undefined) {
          const values = { id, email, name, passwordHash, createdAt: new Date(link.at) }
          const added = await tx
            .insert(person)
            .values(values)
            .onConflictDoNothing()
            .returning({ id: person.id })
          if (added.length === 0) throw new LostRace('two sign-ups of one address')
        } else {
          await tx.update(person).set({ name, passwordHash }).where(eq(person.id, known.id))
        }
        await addLink(tx, known?.id ?? id, 'verify', email, link)
        return true
      }),

    person: (id: string): Promise<Person | undefined> => found(db, eq(person.id, id)),

    personByEmail: (email: string): Promise<Person | undefined> =>
      found(db, eq(person.email, email)),

    /** Replaces the link of this kind that the person had. */
    addPersonLink: (
      id: string,
      purpose: LinkPurpose,
      email: string,
      link: NewLink,
    ): Promise<void> => transact(db, (tx) => addLink(tx, id, purpose, email, link)),

    /** Whose link it is, as long as it works. */
    personByLink: async (
      hash: Uint8Array,
      purpose: LinkPurpose,
      at: number,
    ): Promise<Person | undefined> => {
      const [link] = await db
        .select()
        .from(personToken)
        .where(good(hash, purpose, at))
      return link && found(db, and(eq(person.id, link.person), eq(person.email, link.email)))
    },

    /** Uses the link up. @returns whether it worked */
    verifyEmail: (hash: Uint8Array, at: number): Promise<boolean> =>
      transact(db, async (tx) => {
        const used = await useLink(tx, hash, 'verify', at)
        if (used === undefined) return false
        await markVerified(tx, used, at)
        return true
      }),

    /**
     * Uses the link up, for a new password. All sessions end, and the address is proven: its owner has the mail.
     *
     * @returns whether it worked
     */
    resetPassword: (hash: Uint8Array, passwordHash: string, at: number): Promise<boolean> =>
      transact(db, async (tx) => {
        const used = await useLink(tx, hash, 'reset', at)
        if (used === undefined) return false
        await tx.update(person).set({ passwordHash }).where(eq(person.id, used))
        await markVerified(tx, used, at)
        await voidChange(tx, used)
        await tx
          .update(personSession)
          .set({ revokedAt: new Date(at) })
          .where(and(eq(personSession.person, used), isNull(personSession.revokedAt)))
        return true
      }),

    setPassword: (id: string, passwordHash: string): Promise<void> =>
      transact(db, async (tx) => {
        await tx.update(person).set({ passwordHash }).where(eq(person.id, id))
        await voidChange(tx, id)
      }),

    setPersonName: async (id: string, name: string): Promise<void> => {
      await db.update(person).set({ name }).where(eq(person.id, id))
    },
  }
}

async function found(db: Database, which: ReturnType<typeof and>): Promise<Person | undefined> {
  const [row] = await db
    .select({ row: person, totp: personTotp.confirmedAt })
    .from(person)
    .leftJoin(personTotp, and(eq(personTotp.person, person.id), isNotNull(personTotp.confirmedAt)))
    .where(which)
  return (
    row && {
      id: row.row.id,
      email: row.row.email,
      name: row.row.name,
      passwordHash: row.row.passwordHash,
      isVerified: row.row.emailVerifiedAt !== null,
      isDisabled: row.row.disabledAt !== null,
      hasTotp: row.totp !== null,
    }
  )
}

async function addLink(
  tx: Database,
  id: string,
  purpose: LinkPurpose,
  email: string,
  { hash, at, expiresAt }: NewLink,
): Promise<void> {
  await tx
    .delete(personToken)
    .where(and(eq(personToken.person, id), eq(personToken.purpose, purpose)))
  await tx.insert(personToken).values({
    hash,
    person: id,
    purpose,
    email,
    createdAt: new Date(at),
    expiresAt: new Date(expiresAt),
  })
}

const good = (hash: Uint8Array, purpose: LinkPurpose, at: number) =>
  and(
    eq(personToken.hash, hash),
    eq(personToken.purpose, purpose),
    isNull(personToken.usedAt),
    gt(personToken.expiresAt, new Date(at)),
  )

/** Of two that use it at once, one does. */
async function useLink(
  tx: Database,
  hash: Uint8Array,
  purpose: LinkPurpose,
  at: number,
): Promise<string | undefined> {
  const [used] = await tx
    .update(personToken)
    .set({ usedAt: new Date(at) })
    .where(good(hash, purpose, at))
    .returning({ person: personToken.person })
  return used?.person
}

/** Who is told of a change of address that was not theirs chooses a new password, and it comes to nothing. */
async function voidChange(tx: Database, id: string): Promise<void> {
  await tx
    .delete(personToken)
    .where(and(eq(personToken.person, id), eq(personToken.purpose, 'change')))
}

async function markVerified(tx: Database, id: string, at: number): Promise<void> {
  await tx
    .update(person)
    .set({ emailVerifiedAt: new Date(at) })
    .where(and(eq(person.id, id), isNull(person.emailVerifiedAt)))
}
