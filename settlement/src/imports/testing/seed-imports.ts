import type { SettlementStore } from '../../db/store.ts'

export interface ImportsSeed {
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
const SUMS = [
  'requests',
  'input_tokens',
  'cached_input_tokens',
  'cache_write_tokens',
  'long_cache_write_tokens',
  'output_tokens',
  'reasoning_tokens',
  'cost',
]
const KEYS = 'organization, tag, source, provider, model, tier, currency'
const summed = SUMS.map((name) => `sum(${name})`).join(', ')

/**
 * Fills the imported rows and their sums, for benchmarks and tests, as imports would: of three sources and providers, with
 * a reported cost in one of two currencies or, one in ten, without one, and with up to two tags.
 */
export async function seedImports(
  store: Pick<SettlementStore, 'executeSql'>,
  { rows, organization, from, to }: ImportsSeed,
): Promise<void> {
  const of = organization ?? 'org_seed'
  if (organization === undefined) {
    await store.executeSql(
      `insert into organization (id, name, created_at)
       select $1 || '_' || i, 'Seeded', now() from generate_series(0, ${ORGANIZATIONS - 1}) i on conflict do nothing`,
      [of],
    )
  }
  for (let first = 0; first < rows; first += CHUNK) {
    await store.executeSql(
      `insert into external_usage (organization, source, id, at, provider, model, tier, input_tokens, cached_input_tokens,
         cache_write_tokens, long_cache_write_tokens, output_tokens, reasoning_tokens, other_tokens, requests, cost, currency,
         tags, key, user_label, digest, imported_at)
       select case when $5 then $1 when i % 4 = 0 then $1 || '_0' else $1 || '_' || (i % ${ORGANIZATIONS}) end,
         (array['litellm', 'otlp', 'langfuse'])[1 + i / 50 % 3], 'i' || lpad(i::text, 12, '0'),
         to_timestamp($3) + (i::float8 / $2) * make_interval(secs => $4::float8),
         (array['openai', 'anthropic', 'mistral'])[1 + i / 50 % 3], 'model_' || (i / 50 % 12), '',
         100 + i % 900, i % 100, 0, 0, i % 700, 0, '{}', 1,
         case when i / 50 % 10 > 0 then (100 + i % 1600)::numeric * 0.0000123 end,
         case when i / 50 % 10 > 0 then (array['USD', 'EUR'])[1 + i / 50 % 5 % 2] end,
         case i / 50 % 4 when 0 then '{}' when 1 then '{"team":"web"}' when 2 then '{"team":"data","job":"nightly"}'
           else '{"team":"web","production":"true"}' end::jsonb,
         'key_' || (i / 50 * 31 % 20), null, 'seeded', now()
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
  const range = [new Date(from).toISOString(), new Date(to).toISOString(), `${of}%`]
  await store.executeSql(
    `insert into external_usage_hourly (hour, ${KEYS}, ${SUMS.join(', ')})
     select date_trunc('hour', at, 'UTC'), organization, t.tag, source, provider, model, tier, coalesce(currency, ''),
       ${summed.replace('sum(cost)', 'coalesce(sum(cost), 0)')}
     from external_usage cross join lateral (
       select '' as tag
       union all select '=' where tags = '{}'
       union all select e.key || '=' || e.value from jsonb_each_text(tags) e) t
     where at >= $1::timestamptz and at < $2::timestamptz and organization like $3 and digest = 'seeded'
     group by 1, 2, 3, 4, 5, 6, 7, 8`,
    range,
  )
  await store.executeSql(
    `insert into external_usage_daily (day, ${KEYS}, ${SUMS.join(', ')})
     select date_trunc('day', hour, 'UTC'), ${KEYS}, ${summed} from external_usage_hourly
     where hour >= $1::timestamptz and hour < $2::timestamptz and organization like $3 group by 1, 2, 3, 4, 5, 6, 7, 8`,
    range,
  )
  await store.executeSql('analyze external_usage, external_usage_hourly, external_usage_daily')
}
