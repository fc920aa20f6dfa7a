import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'

/** Any number that no other lock of the database has: revocations are numbered in the order in which they can be seen. */
export const REVOCATION_LOCK = 4_824_273_111n

/**
 * Revokes every open authorization of an organization, or to a provider. Whoever opens one has the rows of both locked
 * (`openAuthorization`), and here the row is locked first: what was being opened is there, and revoked too; what comes later
 * is judged by what this transaction leaves.
 *
 * @returns how many there were
 */
export async function revokeAllOf(
  tx: Database,
  { kind, id }: { readonly kind: 'organization' | 'provider'; readonly id: string },
  at: number,
  by: 'organization' | 'operator' = 'organization',
): Promise<number> {
  const row = kind === 'organization' ? sql`organization where id` : sql`provider where peer_id`
  await tx.execute(sql`select from ${row} = ${id} for no key update`)
  await tx.execute(sql`select pg_advisory_xact_lock(${REVOCATION_LOCK.toString()}::int8)`)
  const revoked = await rows(
    tx,
    sql`update spend_authorization set revocation = nextval('authorization_revocation'),
        revoked_at = ${new Date(at).toISOString()}::timestamptz, revoked_by = ${by}
      where ${sql.identifier(kind)} = ${id} and closed_at is null and revoked_at is null returning serial`,
  )
  return revoked.length
}
