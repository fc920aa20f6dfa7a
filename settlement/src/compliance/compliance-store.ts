import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'

export interface CountryInUse {
  /** Of the payout account, ISO 3166-1 alpha-2. */
  readonly country: string
  readonly providers: number
  readonly sessions: number
}

export function complianceStore(db: Database) {
  return {
    /** Where sessions were processed since a time, milliseconds since 1970. */
    providersInUse: (since: number): Promise<CountryInUse[]> =>
      rows<CountryInUse>(
        db,
        sql`select p.country, count(distinct p.peer_id)::int4 as providers, count(*)::int4 as sessions
          from settled_session s join provider p on p.peer_id = s.provider
          where s.updated_at >= ${new Date(since).toISOString()}::timestamptz
          group by p.country order by p.country`,
      ),
  }
}
