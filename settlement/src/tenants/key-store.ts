import { and, asc, eq, isNull } from 'drizzle-orm'
import type { Database } from '../db/database.ts'
import { apiKey } from '../db/schema.ts'
import type { Scope } from './key-scopes.ts'

/** A key as its organization may see it: never the key itself. */
export interface KeyRow {
  readonly prefix: string
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly revokedAt: number | null
}

export interface NewKeyRow {
  readonly organization: string
  readonly prefix: string
  readonly hash: Uint8Array
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly at: number
}

export function keyStore(db: Database) {
  return {
    addKey: async ({ at, scopes, ...row }: NewKeyRow): Promise<void> => {
      await db.insert(apiKey).values({ ...row, scopes: [...scopes], createdAt: new Date(at) })
    },

    /** Oldest first, with those that were revoked. */
    keys: async (organization: string): Promise<KeyRow[]> =>
      (
        await db
          .select()
          .from(apiKey)
          .where(eq(apiKey.organization, organization))
          .orderBy(asc(apiKey.createdAt), asc(apiKey.prefix))
      ).map(({ prefix, name, scopes, createdAt, revokedAt }) => ({
        prefix,
        name,
        scopes,
        createdAt: createdAt.getTime(),
        revokedAt: revokedAt?.getTime() ?? null,
      })),

    /** For good. @returns whether the organization has such a key */
    revokeKey: async (organization: string, prefix: string, at: number): Promise<boolean> => {
      const mine = and(eq(apiKey.organization, organization), eq(apiKey.prefix, prefix))
      await db
        .update(apiKey)
        .set({ revokedAt: new Date(at) })
        .where(and(mine, isNull(apiKey.revokedAt)))
      const found = await db.select({ prefix: apiKey.prefix }).from(apiKey).where(mine)
      return found.length > 0
    },
  }
}
