import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
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
export async function outsideCells(db: Database, query: OutsideQuery): Promise<OutsideCell[]> {
  const found = await transact(db, async (tx) => {
    // The planner takes every row for a group of its own, and would sort them all; there are some hundred groups.
    await tx.execute(sql`set local enable_sort = off`)
    await tx.execute(sql`set local enable_incremental_sort = off`)
    return cellsOf(tx, query)
  })
  return found
    .map((row) => ({
      ...toCell(row),
      source: row.source,
      label: row.label,
      tags: tagWords(JSON.parse(row.tags) as Record<string, string>),
    }))
    .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))
}

const cellsOf = (db: Database, { organization, from, to }: OutsideQuery): Promise<Stored[]> =>
  rows<Stored>(
    db,
    sql`select '' as key, source, coalesce(label, '') as label, tags::text as tags,
        case when currency is null then 'unrated' else 'reported' end as basis, coalesce(currency, '') as currency,
        provider, model, coalesce(tier, '') as tier, (extract(epoch from day) * 1000)::int8::text as at,
        requests::text, input::text, cached::text, written::text, long_written::text, output::text, reasoning::text,
        coalesce(cost, 0)::text as cost
      from (select source, key as label, tags, currency, provider, model, case when currency is null then tier end as tier,
          case when currency is null then date_trunc('day', at, 'UTC') end as day, sum(requests) as requests,
          sum(input_tokens) as input, sum(cached_input_tokens) as cached, sum(cache_write_tokens) as written,
          sum(long_cache_write_tokens) as long_written, sum(output_tokens) as output, sum(reasoning_tokens) as reasoning,
          sum(cost) as cost
        from external_usage
        where organization = ${organization} and provider <> ${NETWORK_SOURCE}
          and at >= ${iso(from)}::timestamptz and at < ${iso(to)}::timestamptz
        group by 1, 2, 3, 4, 5, 6, 7, 8) g`,
  )

const placeOf = ({ source, provider, model }: OutsideCell): string =>
  `${source}\u0000${provider}\u0000${model}`

/** Names with values as the network writes tags; what has no value was imported as `true`. */
export const tagWords = (tags: Readonly<Record<string, string>>): string[] =>
  Object.entries(tags)
    .map(([name, value]) => (value === 'true' ? name : `${name}:${value}`))
    .sort()

const iso = (at: number): string => new Date(at).toISOString()
