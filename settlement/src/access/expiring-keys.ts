import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { emitEvents } from '../notifications/emit.ts'

const DAY_MS = 86_400_000
/** A week is a release; a day is the last call. */
export const WARN_MS: readonly number[] = [7 * DAY_MS, DAY_MS]
/** Keys of one look at the database: what a transaction tells of in some milliseconds. */
const PAGE = 1_000

/** Keys that end soon. */
export function expiringKeyStore(db: Database) {
  return {
    /**
     * Tells organizations of keys that end within a time, of each key once. Keys that never lived longer are not news, nor are
     * those that were rotated: their end was chosen just before.
     *
     * @param within milliseconds
     * @returns the prefix of the last key of this page; nothing after the last page
     */
    tellOfExpiringKeys: (within: number, after: string, at: number): Promise<string | undefined> =>
      transact(db, async (tx) => {
        const found = await rows<{
          organization: string
          prefix: string
          name: string
          expiresAt: number
        }>(
          tx,
          sql`select k.organization, k.prefix, k.name,
              (extract(epoch from k.expires_at) * 1000)::float8 as "expiresAt"
            from api_key k join organization o on o.id = k.organization
            where k.revoked_at is null and k.replaced_by is null and o.disabled_at is null and o.restricted_at is null and k.prefix > ${after}
              and k.expires_at > ${iso(at)} and k.expires_at <= ${iso(at + within)}
              and k.expires_at - k.created_at > ${within / 1000} * interval '1 second'
            order by k.prefix limit ${PAGE}`,
        )
        const days = within / DAY_MS
        await emitEvents(
          tx,
          found.map(({ organization, prefix, name, expiresAt }) => ({
            organization,
            kind: 'key.expiring',
            subject: prefix,
            cause: `${prefix} ${days}d`,
            facts: { name, days, expires: new Date(expiresAt).toISOString() },
          })),
          at,
        )
        return found.length < PAGE ? undefined : found.at(-1)?.prefix
      }),
  }
}

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
