import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { NETWORK_SOURCE, type SpendCell, type StoredCell, toCell } from './spend-query.ts'

export interface OutsideQuery {
  readonly organization: string
  /** Milliseconds since 1970; `to` is not included. */
  readonly from: number
  readonly to: number
}

/** What was imported with one source, key and set of tags, and has one kind of cost. */
export interface OutsideCell extends SpendCell {
  readonly source: string
  /** As the seller names it; empty where it is not known. */
  readonly label: string
  /** In the form of the network's: `team:web`, or a word. */
  readonly tags: readonly string[]
}

type Stored = StoredCell & { readonly source: string; readonly label: string; tags: string }

/**
 * Each imported row once, with all of its tags together, which no sum knows: out of the rows themselves, by the index on
 * their time. Spans of the network's own gateways are left out, for their sessions are settled.
 */
export async function outsideCells(
  db: Database,
  { organization, from, to }: OutsideQuery,
): Promise<OutsideCell[]> {
  const found = await rows<Stored>(
    db,
    sql`select '' as key, source, coalesce(key, '') as label, tags::text as tags,
        case when currency is null then 'unrated' else 'reported' end as basis, coalesce(currency, '') as currency,
        provider, model, case when currency is null then tier else '' end as tier,
        (extract(epoch from case when currency is null then date_trunc('day', at, 'UTC') end) * 1000)::int8::text as at,
        sum(requests)::text as requests, sum(input_tokens)::text as input, sum(cached_input_tokens)::text as cached,
        sum(cache_write_tokens)::text as written, sum(long_cache_write_tokens)::text as long_written,
        sum(output_tokens)::text as output, sum(reasoning_tokens)::text as reasoning,
        coalesce(sum(cost), 0)::text as cost
      from external_usage u
      where organization = ${organization} and provider <> ${NETWORK_SOURCE}
        and u.at >= ${iso(from)}::timestamptz and u.at < ${iso(to)}::timestamptz
      group by 2, 3, 4, 5, 6, 7, 8, 9, 10 order by 2, 7, 8, 9, 6, 3, 4, 10`,
  )
  return found.map((row) => ({
    ...toCell(row),
    source: row.source,
    label: row.label,
    tags: tagWords(JSON.parse(row.tags) as Record<string, string>),
  }))
}

/** Names with values as the network writes tags; what has no value was imported as `true`. */
export const tagWords = (tags: Readonly<Record<string, string>>): string[] =>
  Object.entries(tags)
    .map(([name, value]) => (value === 'true' ? name : `${name}:${value}`))
    .sort()

const iso = (at: number): string => new Date(at).toISOString()
