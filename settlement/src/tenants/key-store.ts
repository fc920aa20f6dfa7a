import { and, asc, eq, gt, isNull, or, type SQL, sql } from 'drizzle-orm'
import { lockOrganization } from '../access/member-store.ts'
import type { Role } from '../access/roles.ts'
import { type Database, transact } from '../db/database.ts'
import { apiKey } from '../db/schema.ts'
import { SettlementError } from '../errors.ts'
import type { Scope } from './key-scopes.ts'

/** Living keys of an organization: one for each service and environment of a large one, and no more to look after. */
export const KEYS_MAX = 1000

/** A key as its organization may see it: never the key itself. */
export interface KeyRow {
  readonly prefix: string
  readonly name: string
  readonly scopes: readonly Scope[]
  /** It does no more than a member of this role; null where only the scopes bound it. */
  readonly role: Role | null
  /** Who answers for it: `person:<id>` or `key:<prefix>`; null for keys of before. */
  readonly createdBy: string | null
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly expiresAt: number | null
  readonly revokedAt: number | null
  readonly requestsPerMinute: number | null
  /** What is spent with it is summed under these. */
  readonly tags: readonly string[]
}

export interface NewKeyRow {
  readonly organization: string
  readonly prefix: string
  readonly hash: Uint8Array
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly role?: Role | null
  readonly createdBy?: string | null
  readonly expiresAt?: number | null
  readonly requestsPerMinute?: number | null
  readonly tags?: readonly string[]
  readonly at: number
}

export interface KeyRotation {
  readonly organization: string
  /** The key that comes to its end. */
  readonly old: string
  readonly prefix: string
  readonly hash: Uint8Array
  readonly createdBy: string
  /** When the old one ends, if it does not end earlier. */
  readonly oldUntil: number
  readonly at: number
}

export function keyStore(db: Database) {
  return {
    /** @throws {SettlementError} HANSE_KEYS_LIMIT */
    addKey: (given: NewKeyRow): Promise<void> =>
      transact(db, async (tx) => {
        await checkRoom(tx, given.organization, given.at)
        await tx.insert(apiKey).values(toColumns(given))
      }),

    /** Oldest first, with those that were revoked or ran out. */
    keys: async (
      organization: string,
      page: { readonly after?: { at: number; id: string }; readonly limit: number },
    ): Promise<KeyRow[]> => {
      const { after, limit } = page
      const found = await db
        .select()
        .from(apiKey)
        .where(and(eq(apiKey.organization, organization), after && isAfter(after)))
        .orderBy(asc(millisecond), asc(apiKey.prefix))
        .limit(limit)
      return found.map(toRow)
    },

    key: async (organization: string, prefix: string): Promise<KeyRow | undefined> => {
      const [row] = await db.select().from(apiKey).where(mine(organization, prefix))
      return row && toRow(row)
    },

    /** A new secret for the same purpose, while the old one still works for a time. @returns whether the old one lives */
    rotateKey: (given: KeyRotation): Promise<boolean> =>
      transact(db, async (tx) => {
        await checkRoom(tx, given.organization, given.at)
        const old = await takeLiving(tx, given)
        if (old === undefined) return false
        const { createdAt, expiresAt } = old
        const lifeMs = expiresAt === null ? null : expiresAt - createdAt
        await tx.insert(apiKey).values(
          toColumns({
            ...old,
            organization: given.organization,
            prefix: given.prefix,
            hash: given.hash,
            createdBy: given.createdBy,
            at: given.at,
            expiresAt: lifeMs === null ? null : given.at + lifeMs,
          }),
        )
        const until = Math.min(given.oldUntil, expiresAt ?? given.oldUntil)
        await tx
          .update(apiKey)
          .set({ expiresAt: new Date(until), replacedBy: given.prefix })
          .where(eq(apiKey.prefix, given.old))
        return true
      }),

    /** For authorizations from now on. @returns whether the organization has such a key */
    tagKey: async (
      organization: string,
      prefix: string,
      tags: readonly string[],
    ): Promise<boolean> => {
      const updated = await db
        .update(apiKey)
        .set({ tags: [...tags] })
        .where(mine(organization, prefix))
        .returning({ prefix: apiKey.prefix })
      return updated.length > 0
    },

    /** For good. @returns whether the organization has such a key */
    revokeKey: async (organization: string, prefix: string, at: number): Promise<boolean> => {
      await db
        .update(apiKey)
        .set({ revokedAt: new Date(at) })
        .where(and(mine(organization, prefix), isNull(apiKey.revokedAt)))
      const found = await db
        .select({ prefix: apiKey.prefix })
        .from(apiKey)
        .where(mine(organization, prefix))
      return found.length > 0
    },
  }
}

const mine = (organization: string, prefix: string) =>
  and(eq(apiKey.organization, organization), eq(apiKey.prefix, prefix))

const isLiving = (at: number) =>
  and(isNull(apiKey.revokedAt), or(isNull(apiKey.expiresAt), gt(apiKey.expiresAt, new Date(at))))

/** A page's cursor knows no microseconds. */
const millisecond = sql`date_trunc('milliseconds', ${apiKey.createdAt})`
const isAfter = ({ at, id }: { at: number; id: string }): SQL =>
  sql`(${millisecond}, ${apiKey.prefix}) > (${new Date(at).toISOString()}::timestamptz, ${id})`

/** With the organization locked, so that many at once do not each find the last place free. */
async function checkRoom(tx: Database, organization: string, at: number): Promise<void> {
  await lockOrganization(tx, organization)
  const living = await tx.$count(apiKey, and(eq(apiKey.organization, organization), isLiving(at)))
  if (living < KEYS_MAX) return
  throw new SettlementError('HANSE_KEYS_LIMIT', `an organization has ${KEYS_MAX} living keys`)
}

async function takeLiving(
  tx: Database,
  { organization, old, at }: KeyRotation,
): Promise<KeyRow | undefined> {
  const [row] = await tx
    .select()
    .from(apiKey)
    .where(and(mine(organization, old), isLiving(at)))
    .for('update')
  return row && toRow(row)
}

const toColumns = ({ at, scopes, expiresAt = null, ...row }: NewKeyRow) => ({
  organization: row.organization,
  prefix: row.prefix,
  hash: row.hash,
  name: row.name,
  role: row.role ?? null,
  createdBy: row.createdBy ?? null,
  requestsPerMinute: row.requestsPerMinute ?? null,
  tags: [...(row.tags ?? [])],
  scopes: [...scopes],
  createdAt: new Date(at),
  expiresAt: expiresAt === null ? null : new Date(expiresAt),
})

function toRow(row: typeof apiKey.$inferSelect): KeyRow {
  const { organization: _own, hash: _secret, createdAt, revokedAt, expiresAt, ...rest } = row
  return {
    ...rest,
    createdAt: createdAt.getTime(),
    expiresAt: expiresAt?.getTime() ?? null,
    revokedAt: revokedAt?.getTime() ?? null,
  }
}
