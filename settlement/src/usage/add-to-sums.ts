import { MEASURES as NAMES } from './usage-query.ts'

const MEASURES = NAMES.join(', ')

const added = (table: string): string =>
  NAMES.map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(', ')

const sums = NAMES.map((name) => `sum(${name})`).join(', ')
const sumsAs = NAMES.map((name) => `sum(${name}) as ${name}`).join(', ')

/** A rollup by the hour or the day, out of the sums of what changed. */
const rollUpOf = (table: string, unit: 'hour' | 'day'): string => `
  insert into ${table} (organization, dimension, key, ${unit}, ${MEASURES})
  select organization, dimension, key, date_trunc('${unit}', hour, 'UTC'), ${sums}
  from (select organization, hour, v.dimension, v.key, ${MEASURES}
      from summed cross join lateral (values
        ('total', ''), ('model', model), ('provider', provider), ('country', country)) as v(dimension, key)
    union all select organization, hour, w.dimension, w.key, ${MEASURES}
      from summed join whose w using (organization, spender)) d
  group by 1, 2, 3, 4 order by 1, 2, 4, 3
  on conflict (organization, dimension, ${unit}, key) do update set ${added(table)}
  returning 1`

/** The same by who spent it on which model, of what it is known. */
const rollUpSpendersOf = (table: string, unit: 'hour' | 'day'): string => `
  insert into ${table} (organization, spender, model, ${unit}, ${MEASURES})
  select organization, spender, model, date_trunc('${unit}', hour, 'UTC'), ${sums}
  from summed where spender <> 0 group by 1, 2, 3, 4 order by 1, 4, 2, 3
  on conflict (organization, ${unit}, spender, model) do update set ${added(table)}
  returning 1`

/** The consumer of a session `s`, which has the authorization `a`, and its serial where that says whom it is for. */
export const GATEWAY_OF = `case when a.serial is null then '' else s.consumer end as gateway,
    case when a.attribution is null then 0 else a.serial end as attributed`

/** By the gateway, in the quarters in which days of all time zones begin: for budgets, see `budget-sums.ts`. */
const ROLL_UP_GATEWAYS = `
  insert into usage_gateway (organization, quarter, gateway, attributed, spender, model, amount)
  select organization, date_bin('15 minutes', at, timestamptz '2000-01-01Z'), gateway, attributed, spender, model, sum(amount)
  from change where gateway <> '' group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
  on conflict (organization, quarter, gateway, attributed, spender, model)
    do update set amount = usage_gateway.amount + excluded.amount
  returning 1`

/**
 * The end of a statement that adds to the rollups what its part `change` has: rows of sessions with organization, at, provider,
 * model, country, spender, gateway and attributed (`GATEWAY_OF`), and the measures, which may be below zero.
 */
export const ADD_TO_SUMS = `-- One pass over the sessions; the dimensions are made of the few rows that it leaves.
summed as materialized (
  select organization, date_trunc('hour', at, 'UTC') as hour, provider, model, country, spender, ${sumsAs}
  from change group by 1, 2, 3, 4, 5, 6),
whose as materialized (
  select w.organization, w.id as spender, v.dimension, v.key
  from (select distinct organization, spender from summed where spender <> 0) c
  join usage_spender w on w.organization = c.organization and w.id = c.spender
  cross join lateral (
    select 'key' as dimension, w.key where w.key <> ''
    union all select 'member', w.member where w.member <> ''
    union all select 'tagged', '' where w.tags <> '{}'
    union all select 'tag', tag from unnest(w.tags) tag) v),
hourly as (${rollUpOf('usage_hourly', 'hour')}),
daily as (${rollUpOf('usage_daily', 'day')}),
gateways as (${ROLL_UP_GATEWAYS}),
spenders_hourly as (${rollUpSpendersOf('usage_spender_hourly', 'hour')}),
spenders_daily as (${rollUpSpendersOf('usage_spender_daily', 'day')})
select (select count(*) from hourly) + (select count(*) from daily) as rows`
