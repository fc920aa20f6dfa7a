import { type PicoEuro, picoEuro } from '@hanse/protocol'
import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { keepPartitions, type UsagePartitions } from './partitions.ts'
import { type RollUp, rollUpUsage } from './roll-up.ts'
import type { UsageSpender } from './spender.ts'
import { spenderStore } from './spender-store.ts'
import {
  COLUMNS,
  combined,
  MEASURES,
  type UsageDimension,
  type UsageGroup,
  type UsageSelection,
  type UsageSpan,
  usageRows,
} from './usage-query.ts'

export interface UsageQuery extends UsageSelection {
  /** The key of the last row of the page before. */
  readonly after?: string
  readonly limit: number
}

export interface UsageSums {
  readonly sessions: bigint
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly outputTokens: bigint
  readonly amount: PicoEuro
  /** What of it the platform kept. */
  readonly fee: PicoEuro
}

export interface UsageRow extends UsageSums {
  /** A time as ISO 8601, or the value of the dimension; empty is what has none. */
  readonly key: string
}

export interface UsageDaysQuery extends UsageSelection {
  /** Of whole days. */
  readonly group: UsageDimension
  /** The last row of the page before. */
  readonly after?: { readonly day: string; readonly key: string }
  readonly limit: number
}

export interface UsageDay extends UsageRow {
  /** Such as `2026-11-02`, in UTC. */
  readonly day: string
}

/** What was spent by one key, member and set of tags on one model. */
export interface UsageCell extends UsageSums, UsageSpender {
  readonly model: string
}

/** What was used, out of the rollups where they can tell. A session counts in the hour in which it was accepted. */
export function usageStore(db: Database) {
  return {
    ...spenderStore(db),

    /** See `rollUpUsage`. */
    rollUpUsage: (receiptsMax?: number): Promise<RollUp> => rollUpUsage(db, receiptsMax),

    /** See `keepPartitions`. */
    /** @param keptMs how long single facts stay; null keeps all of them */
    keepUsagePartitions: (now: number, keptMs?: number | null): Promise<UsagePartitions> =>
      keepPartitions(db, now, keptMs),

    /** In the order of the keys. */
    usage: async (query: UsageQuery): Promise<UsageRow[]> => {
      const { after, limit, group } = query
      const key = isTime(group) ? timeText(group, ISO) : sql`key`
      const beyond = after === undefined ? sql`true` : sql`key > ${after}`
      const found = await rows<StoredUsage>(
        db,
        sql`select key, ${TEXT_SUMS} from (select ${key} as key, ${COLUMNS} from (${usageRows(query)}) r) s
          where ${beyond} group by key having ${SOMETHING} order by key limit ${limit}`,
      )
      return found.map((row) => ({ key: row.key, ...toSums(row) }))
    },

    /** By day and key, in their order. */
    usageByDayAnd: async (query: UsageDaysQuery): Promise<UsageDay[]> => {
      const { after, limit } = query
      const beyond =
        after === undefined ? sql`true` : sql`(day, key) > (${after.day}, ${after.key})`
      const found = await rows<StoredUsage & { day: string }>(
        db,
        sql`select day, key, ${TEXT_SUMS}
          from (select ${timeText('day', `'YYYY-MM-DD'`)} as day, key, ${COLUMNS} from (${usageRows(query)}) r) s
          where ${beyond} group by day, key having ${SOMETHING} order by day, key limit ${limit}`,
      )
      return found.map((row) => ({ day: row.day, key: row.key, ...toSums(row) }))
    },

    /** Of whole days, each session in one cell; in one order. */
    usageCells: async (
      span: UsageSpan & { readonly organization: string },
    ): Promise<UsageCell[]> => {
      const found = await rows<StoredUsage & UsageSpender & { model: string }>(
        db,
        sql`select key, member, tags, model, ${TEXT_SUMS} from (${combined(span, 'day')}) c
          group by key, member, tags, model having ${SOMETHING} order by key, member, tags, model`,
      )
      return found.map((row) => {
        const { key, member, tags, model } = row
        return { key, member, tags, model, ...toSums(row) }
      })
    },

    /** All of a selection, whatever its group is. */
    usageSum: async (selection: Omit<UsageSelection, 'group'>): Promise<UsageSums> => {
      const [row] = await rows<StoredUsage>(
        db,
        sql`select ${sql.raw(MEASURES.map((name) => `coalesce(sum(${name}), 0)::text as ${name}`).join(', '))}
          from (${usageRows({ ...selection, group: 'day' })}) r`,
      )
      if (row === undefined) throw new Error('a sum has a row')
      return toSums(row)
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

const TEXT_SUMS = sql.raw(MEASURES.map((name) => `sum(${name})::text as ${name}`).join(', '))
/** What is left of a total when all of it is known is nothing, and no row. */
const SOMETHING = sql.raw('sum(sessions) <> 0 or sum(amount) <> 0')
const ISO = `'YYYY-MM-DD"T"HH24:MI:SS"Z"'`

const isTime = (group: UsageGroup): group is 'hour' | 'day' => group === 'hour' || group === 'day'

const timeText = (unit: 'hour' | 'day', form: string): SQL =>
  sql.raw(`to_char(date_trunc('${unit}', at, 'UTC') at time zone 'UTC', ${form})`)

const toSums = (row: StoredUsage): UsageSums => ({
  sessions: BigInt(row.sessions),
  inputTokens: BigInt(row.input_tokens),
  cachedInputTokens: BigInt(row.cached_input_tokens),
  outputTokens: BigInt(row.output_tokens),
  amount: picoEuro(BigInt(row.amount)),
  fee: picoEuro(BigInt(row.fee)),
})
