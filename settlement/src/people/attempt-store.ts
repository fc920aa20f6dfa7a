import { eq, lt, sql } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import { signInAttempt } from '../db/schema.ts'
import { type Attempts, type Counted, FORGET_MS, takeAttempt } from './sign-in-limits.ts'

/** Attempts to sign in, counted for all processes together. */
export function attemptStore(db: Database) {
  return {
    /**
     * Counts an attempt before it is made, against all of these or, where one of them must wait, against none.
     *
     * @returns how long to wait, milliseconds; 0 when it may be made
     */
    takeSignInAttempt: (all: readonly Counted[], at: number): Promise<number> =>
      transact(db, async (tx) => {
        const next = new Map<Uint8Array, Attempts>()
        let waitMs = 0
        for (const { subject, rule } of inOrder(all)) {
          const taken = takeAttempt(await locked(tx, subject, at), rule, at)
          if ('waitMs' in taken) waitMs = Math.max(waitMs, taken.waitMs)
          else next.set(subject, taken)
        }
        if (waitMs > 0) return waitMs
        for (const [subject, attempts] of next) await write(tx, subject, attempts)
        return 0
      }),

    /**
     * It was no guess: nothing is held against the account any more. Of the place only this one attempt is taken back, or
     * whoever has an account there could make room for guesses at others.
     */
    forgiveSignInAttempt: (account: Uint8Array | null, place: Uint8Array | null): Promise<void> =>
      transact(db, async (tx) => {
        if (account !== null) {
          await tx.delete(signInAttempt).where(eq(signInAttempt.subject, account))
        }
        if (place !== null) {
          await tx
            .update(signInAttempt)
            .set({ failures: sql`greatest(0, ${signInAttempt.failures} - 1)` })
            .where(eq(signInAttempt.subject, place))
        }
      }),

    /** @returns how many rows nobody needs any more are gone */
    dropSignInAttempts: async (at: number): Promise<number> => {
      const dropped = await db
        .delete(signInAttempt)
        .where(lt(signInAttempt.lastAt, new Date(at - FORGET_MS)))
        .returning({ failures: signInAttempt.failures })
      return dropped.length
    },
  }
}

/** Two requests at once lock in one order. */
const inOrder = (all: readonly Counted[]): Counted[] =>
  [...all].sort((a, b) => Buffer.compare(a.subject, b.subject))

/** What was counted, of nobody else at the same time. */
async function locked(
  tx: Database,
  subject: Uint8Array,
  at: number,
): Promise<Attempts | undefined> {
  const now = new Date(at)
  await tx
    .insert(signInAttempt)
    .values({ subject, failures: 0, lastAt: now, notBefore: now })
    .onConflictDoNothing()
  const [row] = await tx
    .select()
    .from(signInAttempt)
    .where(eq(signInAttempt.subject, subject))
    .for('update')
  return (
    row && {
      failures: row.failures,
      lastAt: row.lastAt.getTime(),
      notBefore: row.notBefore.getTime(),
    }
  )
}

async function write(tx: Database, subject: Uint8Array, attempts: Attempts): Promise<void> {
  await tx
    .update(signInAttempt)
    .set({
      failures: attempts.failures,
      lastAt: new Date(attempts.lastAt),
      notBefore: new Date(attempts.notBefore),
    })
    .where(eq(signInAttempt.subject, subject))
}
