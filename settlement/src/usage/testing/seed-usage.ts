import type { SettlementStore } from '../../db/store.ts'

export interface UsageSeed {
  readonly rows: number
  /** Of one organization; without it of fifty, of which the first has a quarter of all rows. */
  readonly organization?: string
  /** Milliseconds since 1970, a whole day each. */
  readonly from: number
  readonly to: number
}

/** Rows that one statement makes: PGlite's memory is what limits it. */
const CHUNK = 250_000
const ORGANIZATIONS = 50
const MEASURES = 'input_tokens, cached_input_tokens, output_tokens, amount, fee'

/**
 * Fills the facts of usage and both rollups, for benchmarks and tests: a few minutes for five million rows on PostgreSQL.
 * Only usage: there are no sessions behind it.
 */
export async function seedUsage(
  store: Pick<SettlementStore, 'executeSql'>,
  { rows, organization, from, to }: UsageSeed,
): Promise<void> {
  await makePartitions(store, from, to)
  const of = organization ?? 'org_seed'
  for (let first = 0; first < rows; first += CHUNK) {
    await store.executeSql(
      `insert into usage (organization, session, at, provider, model, country, ${MEASURES})
       select case when $5 then $1 when i % 4 = 0 then $1 || '_0' else $1 || '_' || (i % ${ORGANIZATIONS}) end,
         's' || lpad(i::text, 12, '0') || $1, to_timestamp($3) + (i::float8 / $2) * make_interval(secs => $4::float8),
         'provider_' || (i / 50 * 7919 % 40), 'model_' || (i / 50 % 12),
         (array['DE','FR','NL','IE','PL','FI'])[1 + i % 6], 100 + i % 900, 0, i % 700,
         (100 + i % 1600)::numeric * 100000, (100 + i % 1600)::numeric * 25000
       from generate_series($6::int8, $7::int8) i`,
      [
        of,
        rows,
        from / 1000,
        (to - from) / 1000,
        organization !== undefined,
        first,
        Math.min(first + CHUNK, rows) - 1,
      ],
    )
  }
  const sums = MEASURES.replaceAll(/\w+/gu, 'sum($&)')
  const range = [new Date(from).toISOString(), new Date(to).toISOString(), `${of}%`]
  await store.executeSql(
    `insert into usage_hourly (organization, dimension, key, hour, sessions, ${MEASURES})
     select organization, case when grouping(model) = 0 then 'model' when grouping(provider) = 0 then 'provider'
       when grouping(country) = 0 then 'country' else 'total' end,
       coalesce(model, provider, country, ''), hour, count(*), ${sums}
     from (select *, date_trunc('hour', at, 'UTC') as hour from usage
       where at >= $1::timestamptz and at < $2::timestamptz and organization like $3) u
     group by grouping sets
       ((organization, hour), (organization, hour, model), (organization, hour, provider), (organization, hour, country))`,
    range,
  )
  await store.executeSql(
    `insert into usage_daily (organization, dimension, key, day, sessions, ${MEASURES})
     select organization, dimension, key, date_trunc('day', hour, 'UTC'), sum(sessions), ${sums}
     from usage_hourly
     where hour >= $1::timestamptz and hour < $2::timestamptz and organization like $3 group by 1, 2, 3, 4`,
    range,
  )
  await store.executeSql('analyze usage, usage_hourly, usage_daily')
}

async function makePartitions(
  store: Pick<SettlementStore, 'executeSql'>,
  from: number,
  to: number,
): Promise<void> {
  const first = new Date(from)
  for (let i = 0; ; i++) {
    const month = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + i, 1))
    if (month.getTime() >= to) return
    const next = new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1, 1))
    const name = `usage_${month.toISOString().slice(0, 7).replace('-', '_')}`
    await store.executeSql(
      `create table if not exists ${name} partition of usage
       for values from ('${month.toISOString()}') to ('${next.toISOString()}')`,
    )
  }
}
