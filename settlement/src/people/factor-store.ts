import { and, eq, isNotNull, isNull, lt } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import { personRecoveryCode, personTotp } from '../db/schema.ts'

/** Authenticator apps and recovery codes. */
export function factorStore(db: Database) {
  return {
    /** A secret that counts once it is confirmed. @returns false when a confirmed one is there */
    beginTotp: (person: string, sealed: Uint8Array, at: number): Promise<boolean> =>
      transact(db, async (tx) => {
        await tx
          .delete(personTotp)
          .where(and(eq(personTotp.person, person), isNull(personTotp.confirmedAt)))
        const added = await tx
          .insert(personTotp)
          .values({ person, sealed, createdAt: new Date(at) })
          .onConflictDoNothing()
          .returning({ person: personTotp.person })
        return added.length > 0
      }),

    totp: async (
      person: string,
    ): Promise<{ sealed: Uint8Array; isConfirmed: boolean } | undefined> => {
      const [row] = await db.select().from(personTotp).where(eq(personTotp.person, person))
      return row && { sealed: row.sealed, isConfirmed: row.confirmedAt !== null }
    },

    /** @returns false when it is confirmed already */
    confirmTotp: (
      person: string,
      step: number,
      codes: readonly Uint8Array[],
      at: number,
    ): Promise<boolean> =>
      transact(db, async (tx) => {
        const confirmed = await tx
          .update(personTotp)
          .set({ confirmedAt: new Date(at), lastStep: step })
          .where(and(eq(personTotp.person, person), isNull(personTotp.confirmedAt)))
          .returning({ person: personTotp.person })
        if (confirmed.length === 0) return false
        await replaceCodes(tx, person, codes, at)
        return true
      }),

    /** @returns whether no code of this step or of a later one was used before */
    useTotpStep: async (person: string, step: number): Promise<boolean> => {
      const used = await db
        .update(personTotp)
        .set({ lastStep: step })
        .where(
          and(
            eq(personTotp.person, person),
            isNotNull(personTotp.confirmedAt),
            lt(personTotp.lastStep, step),
          ),
        )
        .returning({ person: personTotp.person })
      return used.length > 0
    },

    /** The recovery codes go, too: they stand in for it. @returns whether there was one */
    removeTotp: (person: string): Promise<boolean> =>
      transact(db, async (tx) => {
        const removed = await tx
          .delete(personTotp)
          .where(eq(personTotp.person, person))
          .returning({ confirmedAt: personTotp.confirmedAt })
        await tx.delete(personRecoveryCode).where(eq(personRecoveryCode.person, person))
        return removed.some(({ confirmedAt }) => confirmedAt !== null)
      }),

    setRecoveryCodes: (person: string, codes: readonly Uint8Array[], at: number): Promise<void> =>
      transact(db, (tx) => replaceCodes(tx, person, codes, at)),

    /** @returns whether it was one that nobody had used */
    useRecoveryCode: async (person: string, hash: Uint8Array, at: number): Promise<boolean> => {
      const used = await db
        .update(personRecoveryCode)
        .set({ usedAt: new Date(at) })
        .where(
          and(
            eq(personRecoveryCode.person, person),
            eq(personRecoveryCode.hash, hash),
            isNull(personRecoveryCode.usedAt),
          ),
        )
        .returning({ person: personRecoveryCode.person })
      return used.length > 0
    },

    /** How many recovery codes are left. */
    recoveryCodesLeft: (person: string): Promise<number> =>
      db.$count(
        personRecoveryCode,
        and(eq(personRecoveryCode.person, person), isNull(personRecoveryCode.usedAt)),
      ),
  }
}

async function replaceCodes(
  tx: Database,
  person: string,
  codes: readonly Uint8Array[],
  at: number,
): Promise<void> {
  await tx.delete(personRecoveryCode).where(eq(personRecoveryCode.person, person))
  const createdAt = new Date(at)
  await tx.insert(personRecoveryCode).values(codes.map((hash) => ({ person, hash, createdAt })))
}
