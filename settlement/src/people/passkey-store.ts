import { and, asc, eq, gt, isNull, lt, lte } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import { person, personChallenge, personPasskey } from '../db/schema.ts'

export interface Passkey {
  /** The credential's id, base64url. */
  readonly id: string
  readonly person: string
  /** COSE. */
  readonly publicKey: Uint8Array
  /** 0 for those that do not count. */
  readonly counter: number
  readonly transports: readonly string[]
  readonly name: string
  readonly backedUp: boolean
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly usedAt: number | null
}

export type NewPasskey = Omit<Passkey, 'usedAt'>

/** Passkeys, and the challenges that they are to sign. */
export function passkeyStore(db: Database) {
  return {
    /** @param owner who adds a passkey; null for whoever signs in */
    addChallenge: (
      challenge: string,
      owner: string | null,
      at: number,
      expiresAt: number,
    ): Promise<void> =>
      transact(db, async (tx) => {
        await tx.delete(personChallenge).where(lte(personChallenge.expiresAt, new Date(at)))
        await tx
          .insert(personChallenge)
          .values({ challenge, person: owner, expiresAt: new Date(expiresAt) })
      }),

    /** Takes it out: it is answered once. @returns whether it was there for them */
    takeChallenge: async (
      challenge: string,
      owner: string | null,
      at: number,
    ): Promise<boolean> => {
      const taken = await db
        .delete(personChallenge)
        .where(
          and(
            eq(personChallenge.challenge, challenge),
            owner === null ? isNull(personChallenge.person) : eq(personChallenge.person, owner),
            gt(personChallenge.expiresAt, new Date(at)),
          ),
        )
        .returning({ challenge: personChallenge.challenge })
      return taken.length > 0
    },

    /** @returns false when somebody has this credential already */
    addPasskey: async ({ createdAt, transports, ...row }: NewPasskey): Promise<boolean> => {
      const added = await db
        .insert(personPasskey)
        .values({ ...row, transports: [...transports], createdAt: new Date(createdAt) })
        .onConflictDoNothing()
        .returning({ id: personPasskey.id })
      return added.length > 0
    },

    /** Oldest first. */
    passkeys: async (owner: string): Promise<Passkey[]> => {
      const found = await db
        .select()
        .from(personPasskey)
        .where(eq(personPasskey.person, owner))
        .orderBy(asc(personPasskey.createdAt), asc(personPasskey.id))
      return found.map(toPasskey)
    },

    /** Not of people who were disabled. */
    passkey: async (id: string): Promise<Passkey | undefined> => {
      const [found] = await db
        .select({ row: personPasskey })
        .from(personPasskey)
        .innerJoin(person, eq(person.id, personPasskey.person))
        .where(and(eq(personPasskey.id, id), isNull(person.disabledAt)))
      return found && toPasskey(found.row)
    },

    /** @returns false when another request was faster with this count or a later one */
    usePasskey: async (id: string, counter: number, at: number): Promise<boolean> => {
      const used = await db
        .update(personPasskey)
        .set({ counter, usedAt: new Date(at) })
        .where(
          and(
            eq(personPasskey.id, id),
            counter === 0 ? eq(personPasskey.counter, 0) : lt(personPasskey.counter, counter),
          ),
        )
        .returning({ id: personPasskey.id })
      return used.length > 0
    },

    /** @returns `last` when nothing else would sign the person in, and then it stays */
    removePasskey: (owner: string, id: string): Promise<'removed' | 'unknown' | 'last'> =>
      transact(db, async (tx) => {
        const [whose] = await tx.select().from(person).where(eq(person.id, owner)).for('update')
        const all = await tx.select().from(personPasskey).where(eq(personPasskey.person, owner))
        if (!all.some((passkey) => passkey.id === id)) return 'unknown'
        if (whose?.passwordHash === null && all.length === 1) return 'last'
        await tx.delete(personPasskey).where(eq(personPasskey.id, id))
        return 'removed'
      }),
  }
}

const toPasskey = (row: typeof personPasskey.$inferSelect): Passkey => ({
  ...row,
  createdAt: row.createdAt.getTime(),
  usedAt: row.usedAt?.getTime() ?? null,
})
