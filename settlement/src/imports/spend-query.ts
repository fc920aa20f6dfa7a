import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'

export const SPEND_GROUPS = ['hour', 'day', 'model', 'provider', 'source', 'tag'] as const
export type SpendGroup = (typeof SPEND_GROUPS)[number]
/** Where sessions of the network come from. */
export const NETWORK_SOURCE = 'hanse'

export interface SpendQuery {
  readonly organization: string
  /** Whole hours, milliseconds since 1970; `to` is not included. */
  readonly from: number
  readonly to: number
  readonly group: SpendGroup
  /** Only of this source; `hanse` is the network itself. */
  readonly source?: string
  /** The key of the last row of the page before. */
  readonly after?: string
  readonly limit: number
}

/** Usage of one key that has one kind of cost. */
export interface SpendCell {
  readonly key: string
  readonly basis: 'settled' | 'reported' | 'unrated'
  /** Of settled and reported cost. */
  readonly currency: string
  readonly amount: string
  /** Of what has no cost, one cell for each price that it may have. */
  readonly provider: string
  readonly model: string
  readonly tier: string
  readonly at: number
  readonly requests: bigint
  readonly inputTokens: bigint
  readonly cachedInputTokens: bigint
  readonly cacheWriteTokens: bigint
  readonly longCacheWriteTokens: bigint
  readonly outputTokens: bigint
  readonly reasoningTokens: bigint
}

export interface StoredCell {
  readonly key: string
  readonly basis: SpendCell['basis']
  readonly currency: string
  readonly provider: string
  readonly model: string
  readonly tier: string
  readonly at: string | null
  readonly requests: string
  readonly input: string
  readonly cached: string
  readonly written: string
  readonly long_written: string
  readonly output: string
  readonly reasoning: string
  readonly cost: string
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** The cells of one page of keys, in their order. */
export async function spendCells(db: Database, query: SpendQuery): Promise<SpendCell[]> {
  const { after, limit } = query
  const beyond = after === undefined ? sql`true` : sql`key > ${after}`
  const found = await rows<StoredCell>(
    db,
    sql`with cell as (${sql.join(slices(query), sql` union all `)}),
      page as (select distinct key from cell where ${beyond} order by key limit ${limit})
      select key, basis, currency, provider, model, tier, (extract(epoch from at) * 1000)::int8::text as at,
        sum(requests)::text as requests, sum(input)::text as input, sum(cached)::text as cached,
        sum(written)::text as written, sum(long_written)::text as long_written,
        sum(output)::text as output, sum(reasoning)::text as reasoning, sum(cost)::text as cost
      from cell join page using (key)
      group by key, basis, currency, provider, model, tier, cell.at
      order by key, basis, currency, provider, model, tier, cell.at`,
  )
  return found.map(toCell)
}

/** Whole days come from the daily sums, what is left at both ends from the hourly ones. */
function slices(query: SpendQuery): SQL[] {
  const { group, from, to } = query
  const firstDay = Math.ceil(from / DAY_MS) * DAY_MS
  const lastDay = Math.floor(to / DAY_MS) * DAY_MS
  if (group === 'hour' || firstDay >= lastDay) return slice(query, 'hour', from, to)
  return [
    ...slice(query, 'hour', from, firstDay),
    ...slice(query, 'day', firstDay, lastDay),
    ...slice(query, 'hour', lastDay, to),
  ]
}

function slice(query: SpendQuery, unit: 'hour' | 'day', from: number, to: number): SQL[] {
  const { source } = query
  const time = sql`${sql.raw(unit)} >= ${new Date(from).toISOString()}::timestamptz
    and ${sql.raw(unit)} < ${new Date(to).toISOString()}::timestamptz`
  return [
    ...(source === undefined || source === NETWORK_SOURCE ? [settled(query, unit, time)] : []),
    ...(source === NETWORK_SOURCE ? [] : [external(query, unit, time)]),
  ]
}

/**
 * What gateways of the network say of themselves is in its settled sessions, and does not count again. A reported cost
 * needs neither model nor time any more; what has none is rated by both.
 */
function external({ organization, group, source }: SpendQuery, unit: string, time: SQL): SQL {
  const rated = (column: string) => sql.raw(`case when currency = '' then ${column} end`)
  return sql`select ${externalKey(group, unit)} as key, case when currency = '' then 'unrated' else 'reported' end as basis,
      currency, coalesce(${rated('provider')}, '') as provider, coalesce(${rated('model')}, '') as model,
      coalesce(${rated('tier')}, '') as tier,
      ${rated(unit)} as at, requests, input_tokens as input, cached_input_tokens as cached,
      cache_write_tokens as written, long_cache_write_tokens as long_written, output_tokens as output,
      reasoning_tokens as reasoning, cost
    from ${table('external_usage', unit)}
    where organization = ${organization} and ${group === 'tag' ? sql`tag <> ''` : sql`tag = ''`}
      and provider <> ${NETWORK_SOURCE} and ${source === undefined ? sql`true` : sql`source = ${source}`} and ${time}`
}

function settled({ organization, group }: SpendQuery, unit: string, time: SQL): SQL {
  const hasDimension = group === 'model' || group === 'provider'
  return sql`select ${hasDimension ? sql`key` : settledKey(group, unit)} as key, 'settled' as basis, 'EUR' as currency,
      '' as provider, '' as model, '' as tier, null::timestamptz as at, sessions as requests, input_tokens as input,
      cached_input_tokens as cached, 0::int8 as written, 0::int8 as long_written, output_tokens as output,
      0::int8 as reasoning, amount * 0.000000000001 as cost
    from ${table('usage', unit)}
    where organization = ${organization} and dimension = ${hasDimension ? group : 'total'} and ${time}`
}

const table = (name: string, unit: string): SQL =>
  sql.raw(`${name}_${unit === 'hour' ? 'hourly' : 'daily'}`)

function externalKey(group: SpendGroup, unit: string): SQL {
  if (group === 'hour' || group === 'day') return timeKey(group, unit)
  // What has no tag is stored under '=', which sorts among the tags.
  return group === 'tag' ? sql`case when tag = '=' then '' else tag end` : sql.raw(group)
}

function settledKey(group: SpendGroup, unit: string): SQL {
  if (group === 'hour' || group === 'day') return timeKey(group, unit)
  return group === 'source' ? sql`${NETWORK_SOURCE}::text` : sql`''::text`
}

const timeKey = (group: 'hour' | 'day', unit: string): SQL =>
  sql.raw(
    `to_char(date_trunc('${group}', ${unit}, 'UTC') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`,
  )

export const toCell = (row: StoredCell): SpendCell => ({
  key: row.key,
  basis: row.basis,
  currency: row.currency,
  amount: row.cost,
  provider: row.provider,
  model: row.model,
  tier: row.tier,
  at: Number(row.at ?? 0),
  requests: BigInt(row.requests),
  inputTokens: BigInt(row.input),
  cachedInputTokens: BigInt(row.cached),
  cacheWriteTokens: BigInt(row.written),
  longCacheWriteTokens: BigInt(row.long_written),
  outputTokens: BigInt(row.output),
  reasoningTokens: BigInt(row.reasoning),
})
