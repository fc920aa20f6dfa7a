import { sql } from 'drizzle-orm'
import { revokeAllOf } from '../authorizations/revoke-all.ts'
import { type Database, rows, transact } from '../db/database.ts'

/** Organizations that an operator shuts, and opens again. */
export function disableStore(db: Database) {
  return {
    /**
     * From now on no key and nobody who is signed in acts for the organization, no top-up is made by itself, and what
     * providers hold of its authorizations is revoked. Doing it again keeps the first time.
     *
     * @returns milliseconds since 1970; undefined when there is no such organization
     */
    disableOrganization: (organization: string, at: number): Promise<number | undefined> =>
      transact(db, async (tx) => {
        const [shut] = await rows<{ disabledAt: number }>(
          tx,
          sql`update organization set disabled_at = coalesce(disabled_at, ${iso(at)})
            where id = ${organization}
            returning (extract(epoch from disabled_at) * 1000)::float8 as "disabledAt"`,
        )
        await tx.execute(
          sql`update automatic_top_up set enabled = false where organization = ${organization}`,
        )
        if (shut !== undefined)
          await revokeAllOf(tx, { kind: 'organization', id: organization }, at, 'operator')
        return shut?.disabledAt
      }),

    /** Keys and members are as they were; automatic top-ups stay off. @returns whether there is such an organization */
    enableOrganization: async (organization: string): Promise<boolean> => {
      const opened = await rows(
        db,
        sql`update organization set disabled_at = null where id = ${organization} returning id`,
      )
      return opened.length > 0
    },
  }
}

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
