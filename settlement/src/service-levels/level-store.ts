import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { type Month, periodOf } from '../documents/month.ts'
import { SettlementError } from '../errors.ts'
import type { ServiceLevel } from './level.ts'

/** Whom a level is promised to: everybody, who has a plan, or one organization. */
export type LevelScope = 'platform' | `plan/${string}` | `organization/${string}`

export interface StoredLevel {
  readonly id: bigint
  readonly scope: LevelScope
  readonly effectiveFrom: Month
  /** Null where nothing is promised any more. */
  readonly level: ServiceLevel | null
  readonly createdBy: string
  readonly createdAt: number
}

export function levelStore(db: Database) {
  return {
    /** Promises never change: a new one takes the place of the one before. @throws {SettlementError} HANSE_NOT_FOUND */
    addServiceLevel: async (given: Omit<StoredLevel, 'id'>): Promise<StoredLevel> => {
      const { scope, effectiveFrom, level, createdBy, createdAt } = given
      const content = level === null ? null : JSON.stringify(level)
      const [row] = await rows<{ id: string }>(
        db,
        sql`insert into service_level (scope, effective_from, content, created_by, created_at)
          select ${scope}, ${`${effectiveFrom}-01`}::date, ${content}::jsonb, ${createdBy},
            ${new Date(createdAt).toISOString()}::timestamptz
          where ${scope} not like 'organization/%'
            or exists (select from organization where 'organization/' || id = ${scope})
          returning id::text`,
      )
      if (row === undefined) throw new SettlementError('HANSE_NOT_FOUND', `nobody is ${scope}`)
      return { ...given, id: BigInt(row.id) }
    },

    /** Newest first. */
    serviceLevels: async (query: {
      readonly before?: bigint
      readonly limit: number
    }): Promise<StoredLevel[]> => {
      const older =
        query.before === undefined ? sql`true` : sql`id < ${query.before.toString()}::int8`
      const found = await rows<StoredRow>(
        db,
        sql`select ${COLUMNS} from service_level where ${older} order by id desc limit ${query.limit}`,
      )
      return found.map(toLevel)
    },

    /**
     * What an organization is promised in a month: what is of its own before what is of its plan, and that before what is
     * everybody's. Its plan is the one that it had paid for at the month's end, or for today while the month lasts.
     */
    serviceLevelOf: async (
      organization: string,
      month: Month,
      now: number,
    ): Promise<StoredLevel | undefined> => {
      const end = new Date(Math.min(periodOf(month).to - 1, now)).toISOString()
      const [found] = await rows<StoredRow>(
        db,
        sql`select ${COLUMNS} from (
            select distinct on (scope) * from service_level
            where effective_from <= ${`${month}-01`}::date
              and (scope in ('platform', ${`organization/${organization}`}) or scope in (
                select 'plan/' || s.plan from subscription_invoice i
                join plan_subscription s on s.id = i.plan_subscription
                where i.organization = ${organization} and i.period_start <= ${end}::timestamptz
                  and i.period_end > ${end}::timestamptz))
            order by scope, effective_from desc, id desc) l
          order by case when scope = 'platform' then 2 when scope like 'plan/%' then 1 else 0 end,
            effective_from desc, id desc limit 1`,
      )
      return found && toLevel(found)
    },
  }
}

interface StoredRow {
  readonly id: string
  readonly scope: LevelScope
  readonly month: Month
  readonly content: ServiceLevel | null
  readonly created_by: string
  readonly created_at: number
}

const COLUMNS =
  sql.raw(`id::text, scope, to_char(effective_from, 'YYYY-MM') as month, content, created_by,
  (extract(epoch from created_at) * 1000)::float8 as created_at`)

const toLevel = (row: StoredRow): StoredLevel => ({
  id: BigInt(row.id),
  scope: row.scope,
  effectiveFrom: row.month,
  level: row.content,
  createdBy: row.created_by,
  createdAt: row.created_at,
})
