import { type SQL, sql } from 'drizzle-orm'

/** By when it was. */
export const TIME_GROUPS = ['hour', 'day'] as const
/** By what a session says of itself. */
export const SESSION_DIMENSIONS = ['model', 'provider', 'country'] as const
/** By the authorization that it was paid under; see `UsageSpender`. */
export const SPENDER_DIMENSIONS = ['key', 'member', 'tag'] as const
/** By what the gateway said of a session alone: too many for sums. */
export const NOTE_DIMENSIONS = ['user'] as const
export const USAGE_DIMENSIONS = [
  ...SESSION_DIMENSIONS,
  ...SPENDER_DIMENSIONS,
  ...NOTE_DIMENSIONS,
] as const
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number]
export const USAGE_GROUPS = [...TIME_GROUPS, ...USAGE_DIMENSIONS] as const
export type UsageGroup = (typeof USAGE_GROUPS)[number]

/** Only what is of these; empty is what has none. */
export type UsageFilters = { readonly [Dimension in UsageDimension]?: string | undefined }

export interface UsageSpan {
  /** Of all organizations together where it is not given. */
  readonly organization?: string
  /** Whole hours, milliseconds since 1970; `to` is not included. */
  readonly from: number
  readonly to: number
}

export interface UsageSelection extends UsageSpan {
  readonly group: UsageGroup
  readonly filters?: UsageFilters
}

export const MEASURES = [
  'sessions',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'amount',
  'fee',
] as const
export const COLUMNS = sql.raw(MEASURES.join(', '))
const NEGATIVE = sql.raw(MEASURES.map((name) => `-${name}`).join(', '))

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
type Unit = 'hour' | 'day'

/**
 * Whether only the single sessions can answer it, which are kept for ninety days: sums are of each dimension for itself, and of
 * who spent and the model together. End users are in no sum.
 */
export function needsSessions({ group, filters = {} }: UsageSelection): boolean {
  const named = namesOf(filters)
  if ([group, ...named].includes('user')) return true
  if (named.length === 0 || (named.length === 1 && isTime(group))) return false
  return [group, ...named].some((name) => name === 'provider' || name === 'country')
}

/**
 * Rows with `at`, `key` and the measures, to be summed. Whole days come from the daily sums, what is left at both ends from the
 * hourly ones.
 */
export function usageRows(selection: UsageSelection): SQL {
  if (needsSessions(selection)) return chosen(selection, sessions(selection))
  const { group, from, to } = selection
  const firstDay = Math.ceil(from / DAY_MS) * DAY_MS
  const lastDay = Math.floor(to / DAY_MS) * DAY_MS
  if (group === 'hour' || firstDay >= lastDay) return inUnit(selection, 'hour')
  const slices: readonly (readonly [UsageSelection, Unit])[] = [
    [{ ...selection, to: firstDay }, 'hour'],
    [{ ...selection, from: firstDay, to: lastDay }, 'day'],
    [{ ...selection, from: lastDay }, 'hour'],
  ]
  const rows = slices
    .filter(([slice]) => slice.from < slice.to)
    .map(([slice, unit]) => sql`(${inUnit(slice, unit)})`)
  return sql.join(rows, sql` union all `)
}

/** Out of the sums of one dimension, where one is enough. */
function inUnit(selection: UsageSelection, unit: Unit): SQL {
  const { group, filters = {} } = selection
  const [only, ...others] = namesOf(filters)
  if (only === undefined) return rowsOf(selection, unit, isTime(group) ? undefined : group)
  if (others.length === 0 && isTime(group)) return rowsOf(selection, unit, only, filters[only])
  return chosen(selection, combined(selection, unit))
}

/** Of cells that know several dimensions, those that the filters let through; what has several tags counts under each. */
function chosen({ group, filters = {} }: UsageSelection, cells: SQL): SQL {
  const each = group === 'tag' ? sql`left join lateral unnest(tags) t(tag) on true` : sql``
  const key = group === 'tag' ? sql`coalesce(tag, '')` : isTime(group) ? sql`''` : columnOf(group)
  const wanted = [
    sql`true`,
    ...namesOf(filters).map((name) => conditionOf(name, filters[name] ?? '')),
  ]
  return sql`select at, ${key} as key, ${COLUMNS} from (${cells}) c ${each}
    where ${sql.join(wanted, sql` and `)}`
}

function conditionOf(name: UsageDimension, value: string): SQL {
  if (name !== 'tag') return sql`${columnOf(name)} = ${value}`
  return value === '' ? sql`tags = '{}'` : sql`tags @> array[${value}::text]`
}

/** `user` is a word of SQL. */
const columnOf = (name: UsageDimension): SQL => sql.raw(`"${name}"`)

/**
 * What is stored of a dimension, or of one value of it. Of who spent only what is known is stored: the rest is what remains of
 * the total.
 */
function rowsOf(span: UsageSpan, unit: Unit, dimension?: UsageDimension, value?: string): SQL {
  const stored = (name: string, measures = COLUMNS): SQL =>
    sql`select ${sql.raw(unit)} as at, key, ${measures} from ${tableOf('usage', unit)}
      where dimension = ${name} and ${within(span, unit)}`
  if (dimension === undefined) return stored('total')
  const covered = dimension === 'tag' ? 'tagged' : dimension
  if (!isOfSpender(dimension) || (value ?? '') !== '') {
    return value === undefined ? stored(dimension) : sql`${stored(dimension)} and key = ${value}`
  }
  // Read once, and not by several processes of the server: to start these takes longer than to add up the rows.
  const known = sql`with known as materialized (${stored(covered)})`
  const rest = sql`${stored('total')} union all select at, '', ${NEGATIVE} from known`
  if (value !== undefined) return sql`${known} ${rest}`
  const each = dimension === 'tag' ? stored(dimension) : sql`select * from known`
  return sql`${known} ${each} union all ${rest}`
}

/** Every session once, by who spent and the model: what nobody is known of is the rest of each model. */
export function combined(span: UsageSpan, unit: Unit): SQL {
  const at = sql.raw(unit)
  const nobody = sql`'' as key, '' as member, '{}'::text[] as tags`
  const spenders = tableOf('usage_spender', unit)
  return sql`select ${at} as at, w.key, w.member, w.tags, model, ${COLUMNS}
      from ${spenders} u join usage_spender w on w.organization = u.organization and w.id = u.spender
      where ${within(span, unit, 'u.')}
    union all select ${at} as at, ${nobody}, key as model, ${COLUMNS} from ${tableOf('usage', unit)}
      where dimension = 'model' and ${within(span, unit)}
    union all select ${at} as at, ${nobody}, model, ${NEGATIVE} from ${spenders} where ${within(span, unit)}`
}

function sessions(span: UsageSpan): SQL {
  return sql`select u.at, coalesce(w.key, '') as key, coalesce(w.member, '') as member,
      coalesce(w.tags, '{}') as tags, coalesce(n.end_user, '') as "user", provider, model, country, 1 as sessions, ${sql.raw(MEASURES.slice(1).join(', '))}
    from usage u left join usage_spender w on w.organization = u.organization and w.id = u.spender
      left join session_note n on n.organization = u.organization and n.session = u.session
    where ${within(span, 'at', 'u.')}`
}

function within({ organization, from, to }: UsageSpan, column: Unit | 'at', of = ''): SQL {
  const name = sql.raw(of + column)
  const whose =
    organization === undefined ? sql`true` : sql`${sql.raw(of)}organization = ${organization}`
  return sql`${whose} and ${name} >= ${iso(from)}::timestamptz and ${name} < ${iso(to)}::timestamptz`
}

const namesOf = (filters: UsageFilters): UsageDimension[] =>
  USAGE_DIMENSIONS.filter((name) => filters[name] !== undefined)

const isTime = (group: UsageGroup): group is (typeof TIME_GROUPS)[number] =>
  (TIME_GROUPS as readonly string[]).includes(group)

const isOfSpender = (dimension: UsageDimension): boolean =>
  (SPENDER_DIMENSIONS as readonly string[]).includes(dimension)

const tableOf = (name: string, unit: Unit): SQL =>
  sql.raw(`${name}_${unit === 'hour' ? 'hourly' : 'daily'}`)

const iso = (at: number): string => new Date(at).toISOString()
