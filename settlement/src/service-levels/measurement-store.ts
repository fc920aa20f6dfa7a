import { type SQL, sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import type { Period } from '../documents/month.ts'
import type { Latencies, LatencyMeasure } from '../session-notes/latency.ts'
import { PACE_COLUMNS, SUMS, type SummedRow, type Sums, toSums } from './columns.ts'
import type { PaceBound } from './pace.ts'
import { type Measuring, measureServices } from './roll-up.ts'

export const SERVICE_GROUPS = ['provider', 'model', 'day', 'month'] as const
export type ServiceGroup = (typeof SERVICE_GROUPS)[number]

export interface MeasurementQuery {
  /** Of all together where it is not given. */
  readonly organization?: string
  readonly provider?: string
  /** Whole hours, milliseconds since 1970; `to` is not included. */
  readonly from: number
  readonly to: number
  readonly group: ServiceGroup
  /** The key of the last row of the page before. */
  readonly after?: string
  readonly limit: number
}

/** A group; hours of announced maintenance are not in the sums. */
export type Measurement = Sums & { readonly key: string }

/** With what consumers saw. */
export type ObservedMeasurement = Measurement & {
  readonly latencies: Readonly<Record<LatencyMeasure, Latencies>>
}

/** What an organization spent with a provider, pico-euro. */
export interface Spent {
  readonly spend: bigint
  /** What of it the platform kept. */
  readonly fee: bigint
}

const KEYS: Readonly<Record<ServiceGroup, string>> = {
  provider: 'h.provider',
  model: 'h.model',
  day: `to_char(h.hour at time zone 'UTC', 'YYYY-MM-DD')`,
  month: `to_char(h.hour at time zone 'UTC', 'YYYY-MM')`,
}

export function measurementStore(db: Database) {
  return {
    /** See `measureServices`. */
    measureServices: (receiptsMax?: number): Promise<Measuring> => measureServices(db, receiptsMax),

    /** In the order of the keys. */
    serviceMeasurements: async (query: MeasurementQuery): Promise<ObservedMeasurement[]> => {
      const { group, after, limit } = query
      const key = sql.raw(KEYS[group])
      const found = await rows<SummedRow & { key: string }>(
        db,
        sql`select ${key} as key, ${sql.raw(SUMS)} from service_hour h
          where ${whose(query)} and ${during(query)} and ${COUNTED}
            and ${after === undefined ? sql`true` : sql`${key} > ${after}`}
          group by 1 order by 1 limit ${limit}`,
      )
      const seen = await latenciesOf(
        db,
        query,
        found.map((row) => row.key),
      )
      return found.map((row) => ({
        key: row.key,
        ...toSums(row),
        latencies: { first: seen(row.key, 'first'), total: seen(row.key, 'total') },
      }))
    },

    /** Organizations with sessions in a period, in the order of their ids. */
    measuredOrganizations: async (
      period: Period,
      after: string,
      limit: number,
    ): Promise<string[]> => {
      const found = await rows<{ organization: string }>(
        db,
        sql`select distinct organization from service_hour h
          where organization > ${after} and ${during(period)} order by 1 limit ${limit}`,
      )
      return found.map(({ organization }) => organization)
    },

    /** What was spent on the sessions that were accepted in a period. */
    spentWith: async (organization: string, provider: string, period: Period): Promise<Spent> => {
      const [sum] = await rows<{ spend: string; fee: string }>(
        db,
        sql`select coalesce(sum(amount), 0)::text as spend, coalesce(sum(fee), 0)::text as fee
          from settled_session
          where organization = ${organization} and provider = ${provider}
            and updated_at >= ${iso(period.from - CLOCK_MS)}::timestamptz
            and accepted_at >= ${iso(period.from)}::timestamptz
            and accepted_at < ${iso(period.to)}::timestamptz`,
      )
      return { spend: BigInt(sum?.spend ?? 0), fee: BigInt(sum?.fee ?? 0) }
    },

    /** Other organizations that had failures, or answers slower than a bound, with a provider in a period. */
    othersWho: async (given: {
      readonly organization: string
      readonly provider: string
      readonly period: Period
      readonly slowerThan: PaceBound | null
    }): Promise<{ failed: number; slow: number }> => {
      const slow =
        given.slowerThan === null ? sql`false` : sql.raw(`${slowSum(given.slowerThan)} > 0`)
      const [found] = await rows<{ failed: number; slow: number }>(
        db,
        sql`select count(*) filter (where failed > 0)::int4 as failed, count(*) filter (where slow)::int4 as slow
          from (select sum(h.failed) as failed, ${slow} as slow from service_hour h
            where h.provider = ${given.provider} and h.organization <> ${given.organization}
              and ${during(given.period)} and ${COUNTED}
            group by h.organization) o`,
      )
      return found ?? { failed: 0, slow: 0 }
    },
  }
}

/** What consumers saw of the groups of a page: how many answers by bound. */
async function latenciesOf(
  db: Database,
  query: MeasurementQuery,
  keys: readonly string[],
): Promise<(key: string, measure: LatencyMeasure) => Latencies> {
  const key = sql.raw(KEYS[query.group])
  const found = await rows<{ key: string; measure: string; bound: number; answers: string }>(
    db,
    sql`select ${key} as key, h.measure, h.bound, sum(h.answers)::text as answers from latency_hour h
      where ${whose(query)} and ${during(query)} and ${COUNTED} and ${key} = any(${textArray(keys)})
      group by 1, 2, 3`,
  )
  const groups = Map.groupBy(found, (row) => `${row.measure} ${row.key}`)
  return (of, measure) =>
    new Map(groups.get(`${measure} ${of}`)?.map((row) => [row.bound, BigInt(row.answers)]))
}

/** A session may be booked by a clock that is behind the provider's. */
const CLOCK_MS = 3_600_000

function slowSum(bound: PaceBound): string {
  const at = PACE_COLUMNS.indexOf(`pace_${bound}`)
  return PACE_COLUMNS.slice(at + 1)
    .map((name) => `sum(h.${name})`)
    .join(' + ')
}

/** Hours of `service_hour h` that no maintenance was announced for. */
const COUNTED = sql`not exists (select from maintenance_window w where w.cancelled_at is null
  and (w.provider is null or w.provider = h.provider) and w.starts_at <= h.hour and w.ends_at > h.hour)`

const whose = ({ organization, provider }: MeasurementQuery): SQL =>
  sql.join(
    [
      sql`true`,
      ...(organization === undefined ? [] : [sql`h.organization = ${organization}`]),
      ...(provider === undefined ? [] : [sql`h.provider = ${provider}`]),
    ],
    sql` and `,
  )

const during = ({ from, to }: Period): SQL =>
  sql`h.hour >= ${iso(from)}::timestamptz and h.hour < ${iso(to)}::timestamptz`

const iso = (at: number): string => new Date(at).toISOString()
