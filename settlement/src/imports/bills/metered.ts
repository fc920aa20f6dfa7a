import { sql } from 'drizzle-orm'
import { type Database, rows } from '../../db/database.ts'
import { type SpendCell, type StoredCell, toCell } from '../spend-query.ts'

export interface MeteredQuery {
  readonly organization: string
  readonly provider: string
  /** Whole days in UTC, milliseconds since 1970; `to` is not included. */
  readonly from: number
  readonly to: number
}

/** What was imported of one provider, by model: with its reported cost, or by the day where it has none. */
export async function meteredCells(db: Database, query: MeteredQuery): Promise<SpendCell[]> {
  const { organization, provider, from, to } = query
  const found = await rows<StoredCell>(
    db,
    sql`select lower(model) as key, case when currency = '' then 'unrated' else 'reported' end as basis, currency,
        provider, model, tier, (extract(epoch from case when currency = '' then day end) * 1000)::int8::text as at,
        sum(requests)::text as requests, sum(input_tokens)::text as input, sum(cached_input_tokens)::text as cached,
        sum(cache_write_tokens)::text as written, sum(long_cache_write_tokens)::text as long_written,
        sum(output_tokens)::text as output, sum(reasoning_tokens)::text as reasoning, sum(cost)::text as cost
      from external_usage_daily
      where organization = ${organization} and tag = '' and provider = ${provider}
        and day >= ${new Date(from).toISOString()}::timestamptz and day < ${new Date(to).toISOString()}::timestamptz
      group by 1, 2, 3, 4, 5, 6, 7 order by 1, 2, 3, 4, 5, 6, 7`,
  )
  return found.map(toCell)
}
