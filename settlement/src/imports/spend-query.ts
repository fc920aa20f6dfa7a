import { type SQL, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { usageRows } from '../usage/usage-query.ts'

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

/** What is left of a total when all of it has a tag is nothing, and no row. */
const SOMETHING = sql.raw(
  ['requests', 'input', 'output', 'cost'].map((name) => `sum(${name}) <> 0`).join(' or '),
)
/** "team=web" as the network writes it, "team:web"; a word without a value is stored with "true", and no tag at all as "=". */
const TAG_WORD = sql.raw(`case when kept = '=' then ''
  else regexp_replace(regexp_replace(kept, '^([^=]+)=true$', '\\1'), '^([^=]+)=', '\\1:') end`)

/** The cells of one page of keys, in their order. */
export async function spendCells(db: Database, query: SpendQuery): Promise<SpendCell[]> {
  const { after, limit } = query
  const beyond = after === undefined ? sql`true` : sql`key > ${after}`
  const found = await rows<StoredCell>(
    db,
    sql`with cell as materialized (${sql.join(slices(await ofPage(db, query)), sql` union all `)}),
      page as (select key from cell where ${beyond} group by key
        having ${query.group === 'tag' ? SOMETHING : sql`true`} order by key limit ${limit})
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

/**
 * A quarter of hours is many pages: only those of this one are read. Of each kind of usage it takes the first hours that
 * there are, so that the first of both are among them.
 */
async function ofPage(db: Database, query: SpendQuery): Promise<SpendQuery> {
  const { organization, group, from, to, after, limit, source } = query
  if (group !== 'hour') return query
  const start = Math.max(from, after === undefined ? from : Date.parse(after) + HOUR_MS)
  if (!(start < to)) return { ...query, from: to }
  const hours = (name: string, of: SQL) => sql`(select distinct hour from ${sql.raw(name)}
    where organization = ${organization} and ${of} and ${between('hour', start, to)} order by hour limit ${limit})`
  const isOutside = source !== NETWORK_SOURCE
  const ofSource = source === undefined ? sql`true` : sql`source = ${source}`
  const outside = sql`tag = '' and provider <> ${NETWORK_SOURCE} and ${ofSource}`
  const kinds = [
    ...(isOutside ? [hours('external_usage_hourly', outside)] : []),
    ...(isOutside && source !== undefined ? [] : [hours('usage_hourly', sql`dimension = 'total'`)]),
  ]
  const found = await rows<{ last: string | null; n: number }>(
    db,
    sql`select (extract(epoch from max(hour)) * 1000)::int8::text as last, count(*)::int4 as n
      from (select distinct hour from (${sql.join(kinds, sql` union all `)}) h order by hour limit ${limit}) p`,
  )
  const [page] = found
  return page?.last == null || page.n < limit
    ? { ...query, from: start }
    : { ...query, from: start, to: Number(page.last) + HOUR_MS }
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
  const time = between(unit, from, to)
  return [
    ...(source === undefined || source === NETWORK_SOURCE
      ? [query.group === 'tag' ? tagged({ ...query, from, to }) : settled(query, unit, time)]
      : []),
    ...(source === NETWORK_SOURCE ? [] : [external(query, unit, time)]),
  ]
}

/**
 * What gateways of the network say of themselves is in its settled sessions, and does not count again. A reported cost
 * needs neither model nor time any more; what has none is rated by both. Keys are made of sums, not of each row.
 */
function external({ organization, group, source }: SpendQuery, unit: string, time: SQL): SQL {
  const rated = (column: string) => sql.raw(`case when currency = '' then ${column} end`)
  const kept = group === 'hour' || group === 'day' ? sql.raw(unit) : sql.raw(group)
  return sql`select ${externalKey(group)} as key, case when currency = '' then 'unrated' else 'reported' end as basis, currency,
      coalesce(provider, '') as provider, coalesce(model, '') as model, coalesce(tier, '') as tier, at, requests, input, cached,
      written, long_written, output, reasoning, cost
    from (select ${kept} as kept, currency, ${rated('provider')} as provider, ${rated('model')} as model, ${rated('tier')} as tier,
        ${rated(unit)} as at, sum(requests) as requests, sum(input_tokens) as input, sum(cached_input_tokens) as cached,
        sum(cache_write_tokens) as written, sum(long_cache_write_tokens) as long_written, sum(output_tokens) as output,
        sum(reasoning_tokens) as reasoning, sum(cost) as cost
      from ${table('external_usage', unit)}
      where organization = ${organization} and ${group === 'tag' ? sql`tag <> ''` : sql`tag = ''`}
        and provider <> ${NETWORK_SOURCE} and ${source === undefined ? sql`true` : sql`source = ${source}`} and ${time}
      group by 1, 2, 3, 4, 5, 6) e`
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

/** What has several tags is under each of them, what has none is the rest of all. */
const tagged = ({ organization, from, to }: SpendQuery): SQL =>
  sql`select key, 'settled' as basis, 'EUR' as currency, '' as provider, '' as model, '' as tier, null::timestamptz as at,
      sessions as requests, input_tokens as input, cached_input_tokens as cached, 0::int8 as written,
      0::int8 as long_written, output_tokens as output, 0::int8 as reasoning, amount * 0.000000000001 as cost
    from (${usageRows({ organization, from, to, group: 'tag' })}) u`

const between = (column: string, from: number, to: number): SQL =>
  sql`${sql.raw(column)} >= ${new Date(from).toISOString()}::timestamptz
    and ${sql.raw(column)} < ${new Date(to).toISOString()}::timestamptz`

const table = (name: string, unit: string): SQL =>
  sql.raw(`${name}_${unit === 'hour' ? 'hourly' : 'daily'}`)

function externalKey(group: SpendGroup): SQL {
  if (group === 'hour' || group === 'day') return timeKey(group, 'kept')
  return group === 'tag' ? TAG_WORD : sql.raw('kept')
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
