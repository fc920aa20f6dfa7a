import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { keepPartitions, type UsagePartitions } from './partitions.ts'
import { type RollUp, rollUpUsage } from './roll-up.ts'

export const USAGE_GROUPS = ['hour', 'day', 'model', 'provider', 'country'] as const
export type UsageGroup = (typeof USAGE_GROUPS)[number]

export interface UsageQuery {
  /** Of all organizations together where it is not given. */
  readonly organization?: string
  /** Whole hours, milliseconds since 1970; `to` is not included. */
  readonly from: number
  readonly to: number
  readonly group: UsageGroup
  /** The key of the last row of the page before. */
  readonly after?: string
  readonly limit: number
}

export interface UsageRow {
  /** A time as ISO 8601, or the model, provider or country. */
  readonly key: string
  readonly sessions: bigint
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly outputTokens: bigint
  readonly amount: PicoEuro
  /** What of it the platform kept. */
  readonly fee: PicoEuro
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** What was used, out of the rollups. A session counts in the hour in which it was accepted. */
export function usageStore(db: Database) {
  return {
    /** See `rollUpUsage`. */
    rollUpUsage: (receiptsMax?: number): Promise<RollUp> => rollUpUsage(db, receiptsMax),

    /** See `keepPartitions`. */
    keepUsagePartitions: (now: number): Promise<UsagePartitions> => keepPartitions(db, now),

    /** In the order of the keys. */
    usage: async (query: UsageQuery): Promise<UsageRow[]> => {
      const { after, limit } = query
      const beyond = after === undefined ? sql`true` : sql`key > ${after}`
      const found = await rows<StoredUsage>(
        db,
        sql`select key, ${TEXT_SUMS} from (${slices(query)}) s where ${beyond}
          group by key order by key limit ${limit}`,
      )
      return found.map(toUsage)
    },
  }
}

interface StoredUsage {
  readonly key: string
  readonly sessions: string
  readonly input_tokens: string
  readonly cached_input_tokens: string
  readonly output_tokens: string
  readonly amount: string
  readonly fee: string
}

const MEASURES = [
  'sessions',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'amount',
  'fee',
]
const TEXT_SUMS = sql.raw(MEASURES.map((name) => `sum(${name})::text as ${name}`).join(', '))
const COLUMNS = sql.raw(MEASURES.join(', '))

/** Whole days come from the daily sums, what is left at both ends from the hourly ones. */
function slices(query: UsageQuery): SQL {
  const { group, from, to } = query
  const firstDay = Math.ceil(from / DAY_MS) * DAY_MS
  const lastDay = Math.floor(to / DAY_MS) * DAY_MS
  if (group === 'hour' || firstDay >= lastDay) return slice(query, 'hour', from, to)
  return sql`${slice(query, 'hour', from, firstDay)}
    union all ${slice(query, 'day', firstDay, lastDay)}
    union all ${slice(query, 'hour', lastDay, to)}`
}

function slice(query: UsageQuery, unit: 'hour' | 'day', from: number, to: number): SQL {
  const { organization, group } = query
  const column = sql.raw(unit)
  const isTime = group === 'hour' || group === 'day'
  const iso = sql.raw(`'YYYY-MM-DD"T"HH24:MI:SS"Z"'`)
  const key = isTime
    ? sql`to_char(date_trunc(${sql.raw(`'${group}'`)}, ${column}, 'UTC') at time zone 'UTC', ${iso})`
    : sql`key`
  const whose = organization === undefined ? sql`true` : sql`organization = ${organization}`
  return sql`select ${key} as key, ${COLUMNS} from ${sql.raw(`usage_${unit === 'hour' ? 'hourly' : 'daily'}`)}
    where ${whose} and dimension = ${isTime ? 'total' : group}
      and ${column} >= ${new Date(from).toISOString()}::timestamptz
      and ${column} < ${new Date(to).toISOString()}::timestamptz`
}

const toUsage = (row: StoredUsage): UsageRow => ({
  key: row.key,
  sessions: BigInt(row.sessions),
  inputTokens: BigInt(row.input_tokens),
  cachedInputTokens: BigInt(row.cached_input_tokens),
  outputTokens: BigInt(row.output_tokens),
  amount: picoEuro(BigInt(row.amount)),
  fee: picoEuro(BigInt(row.fee)),
})
