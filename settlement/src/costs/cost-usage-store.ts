import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'

/** What an organization used of a model on a day. */
export interface DayUsage {
  /** Such as `2026-11-02`, in UTC. */
  readonly day: string
  readonly model: string
  readonly sessions: bigint
  readonly inputTokens: bigint
  /** Of the input tokens. */
  readonly cachedInputTokens: bigint
  readonly outputTokens: bigint
  /** Pico-euro. */
  readonly amount: bigint
  readonly fee: bigint
}

/** The same, of the sessions whose prompts are of one size. */
export interface SizedUsage extends DayUsage {
  /** Input tokens of the longest prompt among them. */
  readonly promptTokens: bigint
}

export interface DaysQuery {
  readonly organization: string
  /** Whole days, milliseconds since 1970; `to` is not included. */
  readonly from: number
  readonly to: number
}

const MEASURES = [
  'sessions',
  'input_tokens',
  'cached_input_tokens',
  'output_tokens',
  'amount',
  'fee',
]
const texts = (names: readonly string[]) => names.map((name) => `${name}::text`).join(', ')
const sums = (names: readonly string[]) =>
  names.map((name) => `sum(${name})::text as ${name}`).join(', ')
const DAY = `'YYYY-MM-DD'`

interface Stored {
  readonly day: string
  readonly model: string
  readonly sessions: string
  readonly input_tokens: string
  readonly cached_input_tokens: string
  readonly output_tokens: string
  readonly amount: string
  readonly fee: string
}

export function costUsageStore(db: Database) {
  return {
    /** By day and model, out of the rollups. */
    usageByDay: async (
      query: DaysQuery & {
        /** Day and model of the last row of the page before. */
        readonly after?: { readonly day: string; readonly model: string }
        readonly limit: number
      },
    ): Promise<DayUsage[]> => {
      const { after } = query
      const beyond =
        after === undefined
          ? sql`true`
          : sql`(day, key) > ((${after.day}::date)::timestamp at time zone 'UTC', ${after.model})`
      const found = await rows<Stored>(
        db,
        sql`select to_char(day at time zone 'UTC', ${sql.raw(DAY)}) as day, key as model, ${sql.raw(texts(MEASURES))}
          from usage_daily where ${within(query, 'day')} and dimension = 'model' and ${beyond}
          order by usage_daily.day, key limit ${query.limit}`,
      )
      return found.map(toUsage)
    },

    /** All of a period. */
    usageTotal: async (query: DaysQuery): Promise<Omit<DayUsage, 'day' | 'model'>> => {
      const sumOf = MEASURES.map((name) => `coalesce(sum(${name}), 0)::text as ${name}`).join(', ')
      const [row] = await rows<Stored>(
        db,
        sql`select ${sql.raw(sumOf)} from usage_daily where ${within(query, 'day')} and dimension = 'total'`,
      )
      if (row === undefined) throw new Error('a sum has a row')
      return measures(row)
    },

    /**
     * By day, model and size of the prompt, out of the single sessions. Prices are linear within a size, so these sums are
     * as good as the sessions.
     *
     * @param above sizes that begin a tier: prompts of more tokens than each
     */
    usageBySize: async (
      query: DaysQuery & { readonly models: readonly string[]; readonly above: readonly bigint[] },
    ): Promise<SizedUsage[]> => {
      const tiers = sql`${`{${query.above.join(',')}}`}::int8[]`
      const found = await rows<Stored & { prompt_tokens: string }>(
        db,
        sql`select day, model, max(input_tokens)::text as prompt_tokens, count(*)::text as sessions,
            ${sql.raw(sums(MEASURES.slice(1)))}
          from (select to_char(at at time zone 'UTC', ${sql.raw(DAY)}) as day, model,
              -- Integers: more than x is at least x + 1.
              width_bucket(input_tokens - 1, ${tiers}) as size, ${sql.raw(MEASURES.slice(1).join(', '))}
            from usage where ${within(query, 'at')} and model = any(${textArray(query.models)})) u
          group by day, model, size order by day, model, size`,
      )
      return found.map((row) => ({ ...toUsage(row), promptTokens: BigInt(row.prompt_tokens) }))
    },

    /** What was ordered in the sessions that were accepted between these, the newest first, where the order is known. */
    tradedOrders: async (
      from: number,
      to: number,
      limit: number,
    ): Promise<{ signedOrder: Uint8Array; inputTokens: bigint; outputTokens: bigint }[]> => {
      const found = await rows<Record<'signed_order' | 'input_tokens' | 'output_tokens', string>>(
        db,
        sql`select encode(s.signed_order, 'base64') as signed_order, u.input_tokens::text, u.output_tokens::text
          from usage u join settled_session s on s.session = u.session
          where u.at >= ${new Date(from).toISOString()}::timestamptz
            and u.at < ${new Date(to).toISOString()}::timestamptz and s.signed_order is not null
          order by u.at desc, u.session limit ${limit}`,
      )
      return found.map(({ signed_order, input_tokens, output_tokens }) => ({
        signedOrder: Uint8Array.from(Buffer.from(signed_order, 'base64')),
        inputTokens: BigInt(input_tokens),
        outputTokens: BigInt(output_tokens),
      }))
    },

    /** Since when single sessions are there, milliseconds since 1970; null when since ever. */
    sessionsKeptFrom: async (): Promise<number | null> => {
      const [row] = await rows<{ at: string | null }>(
        db,
        sql`select case when isfinite(kept_from) then (extract(epoch from kept_from) * 1000)::int8::text end as at
          from usage_mark`,
      )
      return row?.at == null ? null : Number(row.at)
    },
  }
}

const within = ({ organization, from, to }: DaysQuery, column: 'day' | 'at') =>
  sql`organization = ${organization} and ${sql.raw(column)} >= ${new Date(from).toISOString()}::timestamptz
    and ${sql.raw(column)} < ${new Date(to).toISOString()}::timestamptz`

const measures = (row: Stored) => ({
  sessions: BigInt(row.sessions),
  inputTokens: BigInt(row.input_tokens),
  cachedInputTokens: BigInt(row.cached_input_tokens),
  outputTokens: BigInt(row.output_tokens),
  amount: BigInt(row.amount),
  fee: BigInt(row.fee),
})

const toUsage = (row: Stored): DayUsage => ({ day: row.day, model: row.model, ...measures(row) })
