import { and, eq, gt, gte, inArray, lt, sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import { document } from '../db/schema.ts'
import { LISTED, type ListedDocument, toListed } from '../documents/stored-document.ts'
import type { DayUsage } from './focus-rows.ts'

export interface DayUsageQuery {
  readonly organization: string
  /** Whole days, milliseconds since 1970; `to` is not included. */
  readonly from: number
  readonly to: number
  /** The last row of the page before. */
  readonly after?: Pick<DayUsage, 'day' | 'model' | 'provider' | 'country' | 'spender'>
  readonly limit: number
}

export function exportStore(db: Database) {
  return {
    /** By day, model, provider, country and who spent, in this order; out of single sessions, which are kept for ninety days. */
    dayUsage: async (query: DayUsageQuery): Promise<DayUsage[]> => {
      const { organization, from, to, after, limit } = query
      const beyond =
        after === undefined
          ? sql`true`
          : sql`(day, model, provider, country, spender) > (${iso(after.day)}::timestamptz, ${after.model}, ${after.provider},
              ${after.country}, ${after.spender.toString()}::int8)`
      const found = await rows<StoredDay>(
        db,
        sql`select (extract(epoch from day) * 1000)::int8::text as day, model, provider, country, spender::text, coalesce(tags, '{}') as tags,
            sessions, input, cached, output, amount
          from (select date_trunc('day', at, 'UTC') as day, model, provider, country, spender, count(*)::text as sessions,
              sum(input_tokens)::text as input, sum(cached_input_tokens)::text as cached,
              sum(output_tokens)::text as output, sum(amount)::text as amount
            from usage where organization = ${organization} and at >= ${iso(from)}::timestamptz
              and at < ${iso(to)}::timestamptz
            group by 1, 2, 3, 4, 5) d
          left join (select id, tags from usage_spender where organization = ${organization}) w on w.id = d.spender
          where ${beyond} order by day, model, provider, country, d.spender limit ${limit}`,
      )
      return found.map((row) => ({
        day: Number(row.day),
        model: row.model,
        provider: row.provider,
        country: row.country,
        spender: BigInt(row.spender),
        tags: row.tags,
        sessions: BigInt(row.sessions),
        inputTokens: BigInt(row.input),
        cachedInputTokens: BigInt(row.cached),
        outputTokens: BigInt(row.output),
        amount: BigInt(row.amount),
      }))
    },

    /** Invoices and credit notes with a tax point in this time, in the order in which they were issued. */
    billDocuments: async (
      organization: string,
      { from, to }: { readonly from: number; readonly to: number },
      after: bigint,
      limit: number,
    ): Promise<ListedDocument[]> =>
      (
        await db
          .select(LISTED)
          .from(document)
          .where(
            and(
              eq(document.organization, organization),
              inArray(document.kind, ['advance-invoice', 'credit-note']),
              gte(document.taxPoint, new Date(from)),
              lt(document.taxPoint, new Date(to)),
              gt(document.id, after),
            ),
          )
          .orderBy(document.id)
          .limit(limit)
      ).map(toListed),
  }
}

interface StoredDay {
  readonly day: string
  readonly model: string
  readonly provider: string
  readonly country: string
  readonly spender: string
  readonly tags: readonly string[]
  readonly sessions: string
  readonly input: string
  readonly cached: string
  readonly output: string
  readonly amount: string
}

const iso = (at: number): string => new Date(at).toISOString()
