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
/** Whose usage it is: so many keys of half as many members in each organization, each with some of these tags; and nobody's. */
const SPENDERS = 20
const TAGS = ['product:chat', 'product:search', 'team:web', 'team:data']
const MEASURES = 'input_tokens, cached_input_tokens, output_tokens, amount, fee'

/**
 * Fills the facts of usage and all rollups, for benchmarks and tests: a few minutes for five million rows on PostgreSQL.
 * Only usage: there are no sessions behind it.
 */
export async function seedUsage(
  store: Pick<SettlementStore, 'executeSql'>,
  { rows, organization, from, to }: UsageSeed,
): Promise<void> {
  await makePartitions(store, from, to)
  const of = organization ?? 'org_seed'
  await makeSpenders(store, organization === undefined ? seeded(of) : [of])
  for (let first = 0; first < rows; first += CHUNK) {
    await store.executeSql(
      `insert into usage (organization, session, at, provider, model, country, spender, ${MEASURES})
       select f.organization, session, at, provider, model, country, coalesce(w.id, 0), ${MEASURES}
       from (select case when $5 then $1 when i % 4 = 0 then $1 || '_0' else $1 || '_' || (i % ${ORGANIZATIONS}) end,
         's' || lpad(i::text, 12, '0') || $1, to_timestamp($3) + (i::float8 / $2) * make_interval(secs => $4::float8),
         'provider_' || (i / 50 * 7919 % 40), 'model_' || (i / 50 % 12),
         (array['DE','FR','NL','IE','PL','FI'])[1 + i % 6], 'key_' || (i / 50 * 31 % ${SPENDERS + 2}),
         100 + i % 900, 0, i % 700, (100 + i % 1600)::numeric * 100000, (100 + i % 1600)::numeric * 25000
       from generate_series($6::int8, $7::int8) i)
         f(organization, session, at, provider, model, country, seeded, ${MEASURES})
       left join usage_spender w on w.organization = f.organization and w.digest = f.seeded`,
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
  await sumSpenders(store, sums, range)
  await store.executeSql(
    'analyze usage, usage_hourly, usage_daily, usage_spender, usage_spender_hourly, usage_spender_daily',
  )
}

type Sql = Pick<SettlementStore, 'executeSql'>

const seeded = (of: string): string[] =>
  Array.from({ length: ORGANIZATIONS }, (_, i) => `${of}_${i}`)

async function makeSpenders(store: Sql, organizations: readonly string[]): Promise<void> {
  await store.executeSql(
    `insert into usage_spender (organization, digest, key, member, tags, created_at)
     select o, 'key_' || k, 'key_' || k, 'member_' || (k / 2), ($2::text[])[1 : k % 4], now()
     from unnest($1::text[]) o, generate_series(0, ${SPENDERS - 1}) k on conflict do nothing`,
    [`{${organizations.join(',')}}`, `{${TAGS.join(',')}}`],
  )
}

/** By who spent it, and by each of what is known of them. */
async function sumSpenders(store: Sql, sums: string, range: readonly string[]): Promise<void> {
  for (const [unit, suffix] of [
    ['hour', 'hourly'],
    ['day', 'daily'],
  ]) {
    await store.executeSql(
      `insert into usage_spender_${suffix} (organization, spender, model, ${unit}, sessions, ${MEASURES})
       select organization, spender, model, date_trunc('${unit}', at, 'UTC'), count(*), ${sums}
       from usage where at >= $1::timestamptz and at < $2::timestamptz and organization like $3 and spender <> 0
       group by 1, 2, 3, 4`,
      range,
    )
    await store.executeSql(
      `insert into usage_${suffix} (organization, dimension, key, ${unit}, sessions, ${MEASURES})
       select u.organization, d.dimension, d.key, ${unit}, sum(sessions), ${sums}
       from usage_spender_${suffix} u join usage_spender w on w.organization = u.organization and w.id = u.spender
       cross join lateral (select 'key', w.key union all select 'member', w.member
         union all select 'tagged', '' where w.tags <> '{}' union all select 'tag', t from unnest(w.tags) t) d(dimension, key)
       where ${unit} >= $1::timestamptz and ${unit} < $2::timestamptz and u.organization like $3 group by 1, 2, 3, 4`,
      range,
    )
  }
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
