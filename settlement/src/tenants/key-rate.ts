import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'

const MINUTE_MS = 60_000

/** What a key has left in this minute. */
export interface KeyRate {
  readonly isAllowed: boolean
  readonly remaining: number
  /** When the next minute begins. */
  readonly resetMs: number
}

/** How often keys are used, counted in the database for all processes. */
export function keyRateStore(db: Database) {
  return {
    /**
     * Takes one request of a key's minute. One statement on one row: of any number that come at once, to whatever process,
     * `perMinute` pass. A process whose clock is behind counts into the minute that the others are in.
     */
    takeRequest: async (prefix: string, perMinute: number, at: number): Promise<KeyRate> => {
      const minute = Math.floor(at / MINUTE_MS)
      const taken = await rows<{ requests: number; minute: number }>(
        db,
        sql`insert into api_key_rate as r (prefix, minute, requests) values (${prefix}, ${minute}, 1)
          on conflict (prefix) do update set
            requests = case when excluded.minute > r.minute then 1 else r.requests + 1 end,
            minute = greatest(r.minute, excluded.minute)
          where excluded.minute > r.minute or r.requests < ${perMinute}
          returning requests, minute::float8 as minute`,
      )
      const [row] = taken
      return {
        isAllowed: row !== undefined,
        remaining: row === undefined ? 0 : perMinute - row.requests,
        resetMs: Math.max(0, ((row?.minute ?? minute) + 1) * MINUTE_MS - at),
      }
    },
  }
}
