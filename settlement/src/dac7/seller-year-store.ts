import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import type { Quarter, QuarterFacts } from './seller-year.ts'

export interface SellerQuarter extends QuarterFacts {
  readonly provider: string
}

export interface SellerYearQuery {
  /** Half open, milliseconds since 1970: a calendar year. */
  readonly from: number
  readonly to: number
  /** Only this one. */
  readonly provider?: string
}

export function sellerYearStore(db: Database) {
  return {
    /**
     * What was booked for providers, by quarter in UTC. Money is what the ledger credited; gross and activities are of the
     * receipts that it was credited for.
     */
    sellerYears: async (query: SellerYearQuery): Promise<SellerQuarter[]> => {
      const found = await rows<SellerRow>(db, statement(query))
      return found.map(({ provider, quarter, activities, gross, earned, adjusted }) => ({
        provider,
        quarter: (quarter - 1) as Quarter,
        activities,
        gross: BigInt(gross),
        earned: BigInt(earned),
        adjusted: BigInt(adjusted),
      }))
    },
  }
}

interface SellerRow {
  readonly provider: string
  readonly quarter: number
  readonly activities: number
  readonly gross: string
  readonly earned: string
  readonly adjusted: string
}

function statement({ from, to, provider }: SellerYearQuery) {
  const within = sql`x.at >= ${iso(from)} and x.at < ${iso(to)}`
  const quarter = sql`extract(quarter from x.at at time zone 'UTC')::int4`
  const only = (column: string) =>
    provider === undefined ? sql`` : sql`and ${sql.raw(column)} = ${provider}`
  return sql`with receipts as (
      select s.provider, ${quarter} as quarter, count(distinct x.session)::int4 as activities, sum(x.increase) as gross
      from settled_receipt x join settled_session s on s.session = x.session
      where ${within} and x.increase > 0 ${only('s.provider')} group by 1, 2),
    legs as (
      select a.owner as provider, x.kind, ${quarter} as quarter, x.amount
      from ledger_transfer x join ledger_account a on a.id = x.credit
      where ${within} and x.kind in ('usage', 'adjustment') and a.kind in ('payable', 'held_back') ${only('a.owner')}
      union all
      select a.owner, x.kind, ${quarter}, -x.amount
      from ledger_transfer x join ledger_account a on a.id = x.debit
      where ${within} and x.kind in ('usage', 'adjustment') and a.kind in ('payable', 'held_back') ${only('a.owner')}),
    money as (
      select provider, quarter, coalesce(sum(amount) filter (where kind = 'usage'), 0) as earned,
        coalesce(sum(amount) filter (where kind = 'adjustment'), 0) as adjusted
      from legs group by 1, 2)
    select provider, quarter, coalesce(activities, 0)::int4 as activities, coalesce(gross, 0)::text as gross,
      coalesce(earned, 0)::text as earned, coalesce(adjusted, 0)::text as adjusted
    from receipts full join money using (provider, quarter) order by provider, quarter`
}

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
