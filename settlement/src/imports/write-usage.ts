import { type SQL, sql } from 'drizzle-orm'
import { recordset, textArray } from '../db/column-lists.ts'
import { type Database, rows, transact } from '../db/database.ts'
import type { UsageRecord } from './usage-record.ts'

export interface NewUsage extends UsageRecord {
  readonly digest: string
}

export interface Destination {
  readonly organization: string
  readonly source: string
  /** Milliseconds since 1970. */
  readonly at: number
}

/** `conflict`: the id is known, with something else. */
export type UsageOutcome = 'accepted' | 'duplicate' | 'conflict'

const COLUMNS =
  'x(place int8, id text, at text, provider text, model text, tier text, input int8, cached int8, written int8, ' +
  'long_written int8, output int8, ' +
  'reasoning int8, other text, requests int8, cost text, currency text, tags text, key text, user_label text, digest text)'

const MEASURES = [
  'requests',
  'input_tokens',
  'cached_input_tokens',
  'cache_write_tokens',
  'long_cache_write_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost',
]
const sums = MEASURES.map((name) => `sum(${name})`).join(', ')
const sumsAs = MEASURES.map((name) => `sum(${name}) as ${name}`).join(', ')

const rollUpOf = (table: string, unit: 'hour' | 'day'): SQL =>
  sql.raw(`insert into ${table} (organization, ${unit}, tag, source, provider, model, tier, currency, ${MEASURES.join(', ')})
    select organization, date_trunc('${unit}', hour, 'UTC'), tag, source, provider, model, tier, currency, ${sums}
    from summed group by 1, 2, 3, 4, 5, 6, 7, 8 order by 1, 3, 2, 4, 5, 6, 7, 8
    on conflict (organization, tag, ${unit}, source, provider, model, tier, currency) do update set
      ${MEASURES.map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(', ')}
    returning 1`)

/**
 * Writes what is new and adds it to the sums, in one statement: no crash and no other process comes between an id and its
 * effect. Imports of one organization wait for each other, for their sums are the same rows.
 *
 * @returns what became of each row, in their order
 */
export function addUsage(
  db: Database,
  { organization, source, at }: Destination,
  usage: readonly NewUsage[],
): Promise<UsageOutcome[]> {
  return transact(db, async (tx) => {
    await tx.execute(
      sql`select pg_advisory_xact_lock(hashtextextended('external_usage/' || ${organization}, 0))`,
    )
    const added = await rows<{ place: number }>(
      tx,
      sql`with given as materialized (
        select distinct on (id) x.*, x.at::timestamptz as began from ${recordset(usage.map(toRow), COLUMNS)}
        order by id, place),
      written as (
        insert into external_usage (organization, source, id, at, provider, model, tier, input_tokens, cached_input_tokens,
          cache_write_tokens, long_cache_write_tokens, output_tokens, reasoning_tokens, other_tokens, requests, cost, currency, tags, key, user_label, digest,
          imported_at)
        select ${organization}, ${source}, id, began, provider, model, tier, input, cached, written, long_written, output, reasoning,
          other::jsonb, requests, cost::numeric, currency, tags::jsonb, key, user_label, digest,
          ${new Date(at).toISOString()}::timestamptz
        from given order by id
        on conflict (organization, source, id) do nothing
        returning organization, source, id, at, provider, model, tier, coalesce(currency, '') as currency, tags,
          requests, input_tokens, cached_input_tokens, cache_write_tokens, long_cache_write_tokens, output_tokens,
          reasoning_tokens, coalesce(cost, 0) as cost),
      summed as materialized (
        select organization, date_trunc('hour', at, 'UTC') as hour, t.tag, source, provider, model, tier, currency,
          ${sql.raw(sumsAs)}
        from written cross join lateral (
          select '' as tag
          union all select '=' where tags = '{}'
          union all select e.key || '=' || e.value from jsonb_each_text(tags) e) t
        group by 1, 2, 3, 4, 5, 6, 7, 8),
      hourly as (${rollUpOf('external_usage_hourly', 'hour')}),
      daily as (${rollUpOf('external_usage_daily', 'day')})
      select place::int4 as place from written join given using (id)`,
    )
    const accepted = new Set(added.map(({ place }) => place))
    return outcomesOf(usage, accepted, await storedDigests(tx, organization, source, usage))
  })
}

/** What `addUsage` would answer, of a store that nobody else writes to. */
export async function knownUsage(
  db: Database,
  { organization, source }: Destination,
  usage: readonly NewUsage[],
): Promise<UsageOutcome[]> {
  const digests = await storedDigests(db, organization, source, usage)
  const accepted = new Set<number>()
  for (const [place, { id, digest }] of usage.entries()) {
    if (digests.has(id)) continue
    digests.set(id, digest)
    accepted.add(place)
  }
  return outcomesOf(usage, accepted, digests)
}

const outcomesOf = (
  usage: readonly NewUsage[],
  accepted: ReadonlySet<number>,
  digests: ReadonlyMap<string, string>,
): UsageOutcome[] =>
  usage.map(({ id, digest }, place) => {
    if (accepted.has(place)) return 'accepted'
    return digests.get(id) === digest ? 'duplicate' : 'conflict'
  })

async function storedDigests(
  db: Database,
  organization: string,
  source: string,
  usage: readonly NewUsage[],
): Promise<Map<string, string>> {
  const found = await rows<{ id: string; digest: string }>(
    db,
    sql`select id, digest from external_usage where organization = ${organization} and source = ${source}
      and id = any(${textArray(usage.map(({ id }) => id))})`,
  )
  return new Map(found.map(({ id, digest }) => [id, digest]))
}

const toRow = (record: NewUsage, place: number) => ({
  place,
  id: record.id,
  at: new Date(record.at).toISOString(),
  provider: record.provider,
  model: record.model,
  tier: record.tier,
  input: record.inputTokens,
  cached: record.cachedInputTokens,
  written: record.cacheWriteTokens,
  long_written: record.longCacheWriteTokens,
  output: record.outputTokens,
  reasoning: record.reasoningTokens,
  other: JSON.stringify(record.otherTokens),
  requests: record.requests,
  cost: record.cost?.amount,
  currency: record.cost?.currency,
  tags: JSON.stringify(record.tags),
  key: record.key,
  user_label: record.user,
  digest: record.digest,
})
