import { and, desc, eq, gt, isNull, lt, ne, sql } from 'drizzle-orm'
import { type Database, transact } from '../db/database.ts'
import { person, personSession } from '../db/schema.ts'
import { IDLE_MS, type SessionTimes } from './session-token.ts'

/** By what a person showed who they are. */
export type Factor = 'password' | 'totp' | 'passkey' | 'sso'

/** Whether more than one thing was shown: a passkey is two in one, and what an issuer asks for is not known here. */
export const isStrong = (factors: readonly Factor[]): boolean =>
  factors.includes('totp') || factors.includes('passkey')

export interface SessionRow extends SessionTimes {
  readonly id: string
  readonly person: string
  readonly createdAt: number
  /** When the person last proved who they are. */
  readonly authenticatedAt: number
  readonly userAgent: string | null
  readonly factors: readonly Factor[]
}

export interface FoundSession extends SessionRow {
  /** Its person has had the processing of their data restricted. */
  readonly isRestricted: boolean
}

export interface NewSession {
  readonly id: string
  /** SHA-256 of the token. */
  readonly hash: Uint8Array
  readonly person: string
  readonly at: number
  readonly expiresAt: number
  readonly authenticatedAt: number
  readonly userAgent: string | null
  readonly factors: readonly Factor[]
  /** A session that it takes the place of. */
  readonly replaces?: string
}

/** Sessions of people. A token is in none of them: only its hash. */
export function sessionStore(db: Database) {
  return {
    addPersonSession: (given: NewSession): Promise<void> =>
      transact(db, async (tx) => {
        const at = new Date(given.at)
        if (given.replaces !== undefined) {
          await tx
            .update(personSession)
            .set({ revokedAt: at })
            .where(and(eq(personSession.id, given.replaces), isNull(personSession.revokedAt)))
        }
        await tx.insert(personSession).values({
          id: given.id,
          hash: given.hash,
          person: given.person,
          createdAt: at,
          seenAt: at,
          expiresAt: new Date(given.expiresAt),
          userAgent: given.userAgent,
          authenticatedAt: new Date(given.authenticatedAt),
          factors: [...given.factors],
        })
      }),

    /** Whatever its state; not of people who were disabled. */
    personSessionByHash: async (hash: Uint8Array): Promise<FoundSession | undefined> => {
      const [row] = await db
        .select({ row: personSession, restrictedAt: person.restrictedAt })
        .from(personSession)
        .innerJoin(person, eq(person.id, personSession.person))
        .where(and(eq(personSession.hash, hash), isNull(person.disabledAt)))
      return row && { ...toSession(row.row), isRestricted: row.restrictedAt !== null }
    },

    /** Never backwards: of two requests at once the later counts. */
    seePersonSession: async (id: string, at: number): Promise<void> => {
      await db
        .update(personSession)
        .set({
          seenAt: sql`greatest(${personSession.seenAt}, ${new Date(at).toISOString()}::timestamptz)`,
        })
        .where(eq(personSession.id, id))
    },

    /** Those that are good at this time, newest first. */
    personSessions: async (id: string, at: number): Promise<SessionRow[]> => {
      const now = new Date(at)
      const found = await db
        .select()
        .from(personSession)
        .where(
          and(
            eq(personSession.person, id),
            isNull(personSession.revokedAt),
            gt(personSession.expiresAt, now),
            gt(personSession.seenAt, new Date(at - IDLE_MS)),
          ),
        )
        .orderBy(desc(personSession.createdAt), desc(personSession.id))
      return found.map(toSession)
    },

    /** @returns whether the person has such a session */
    revokePersonSession: async (owner: string, id: string, at: number): Promise<boolean> => {
      const mine = and(eq(personSession.person, owner), eq(personSession.id, id))
      await db
        .update(personSession)
        .set({ revokedAt: new Date(at) })
        .where(and(mine, isNull(personSession.revokedAt)))
      return (await db.select({ id: personSession.id }).from(personSession).where(mine)).length > 0
    },

    /** All of a person's sessions but one. @returns how many there were */
    revokePersonSessions: async (
      owner: string,
      at: number,
      except: string | null,
    ): Promise<number> => {
      const revoked = await db
        .update(personSession)
        .set({ revokedAt: new Date(at) })
        .where(
          and(
            eq(personSession.person, owner),
            isNull(personSession.revokedAt),
            except === null ? undefined : ne(personSession.id, except),
          ),
        )
        .returning({ id: personSession.id })
      return revoked.length
    },

    /** Forgets sessions that ended before a time. @returns how many */
    dropPersonSessions: async (before: number): Promise<number> => {
      const dropped = await db
        .delete(personSession)
        .where(lt(personSession.expiresAt, new Date(before)))
        .returning({ id: personSession.id })
      return dropped.length
    },
  }
}

function toSession(row: typeof personSession.$inferSelect): SessionRow {
  return {
    id: row.id,
    person: row.person,
    createdAt: row.createdAt.getTime(),
    seenAt: row.seenAt.getTime(),
    expiresAt: row.expiresAt.getTime(),
    revokedAt: row.revokedAt?.getTime() ?? null,
    userAgent: row.userAgent,
    authenticatedAt: row.authenticatedAt.getTime(),
    factors: row.factors,
  }
}
