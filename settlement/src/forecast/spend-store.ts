import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'

/** What explains spend, of what usage is summed by. */
export const SPEND_DIMENSIONS = ['model', 'provider', 'country', 'key'] as const
export type SpendDimension = (typeof SPEND_DIMENSIONS)[number]

export interface SpendQuery {
  readonly organization: string
  readonly unit: 'day' | 'hour'
  readonly dimension: 'total' | SpendDimension
  /** Milliseconds since 1970, whole units; `to` is not included. */
  readonly from: number
  readonly to: number
}

export interface Spend {
  /** A model, provider, country or key; empty for the total. */
  readonly key: string
  /** Milliseconds since 1970: when the day or the hour begins. */
  readonly at: number
  /** Pico-euro. */
  readonly amount: bigint
}

/** Of a dimension, those that cost most: together nearly all of it, and a few thousand rows. */
const KEYS_MAX = 20

/** What organizations have spent, by the day and the hour, out of the rollups of usage. */
export function spendStore(db: Database) {
  return {
    /** In the order of time; units in which nothing was spent are missing. */
    spend: async (query: SpendQuery): Promise<Spend[]> => {
      const found = await rows<{ key: string; at: string; amount: string }>(db, statement(query))
      return found.map(({ key, at, amount }) => ({
        key,
        at: Number(at),
        amount: BigInt(amount),
      }))
    },

    /** Ids in their order, of those with usage on a day since `since` whose data may be looked at. */
    spendingOrganizations: async (
      since: number,
      after: string,
      limit: number,
    ): Promise<string[]> => {
      const found = await rows<{ organization: string }>(
        db,
        sql`select o.id as organization from organization o
          where o.id > ${after} and o.restricted_at is null and exists (select from usage_daily u
            where u.organization = o.id and u.dimension = 'total' and u.day >= ${time(since)})
          order by o.id limit ${limit}`,
      )
      return found.map(({ organization }) => organization)
    },
  }
}

function statement({ organization, unit, dimension, from, to }: SpendQuery): SQL {
  const column = sql.raw(unit)
  const table = sql.raw(unit === 'day' ? 'usage_daily' : 'usage_hourly')
  const wanted = sql`organization = ${organization} and dimension = ${dimension}
    and ${column} >= ${time(from)} and ${column} < ${time(to)}`
  return sql`select key, (extract(epoch from ${column}) * 1000)::int8::text as at, amount::text as amount
    from ${table} where ${wanted} and key in (
      select key from ${table} where ${wanted} group by key order by sum(amount) desc, key limit ${KEYS_MAX})
    order by ${column}, key`
}

const time = (at: number): SQL => sql`${new Date(at).toISOString()}::timestamptz`
