import { sql } from 'drizzle-orm'
import { type Database, rows } from '../db/database.ts'
import type { Month } from './month.ts'

export interface ClosedMonth {
  readonly month: Month
  readonly closedAt: number
  /** Statements that were written for it. */
  readonly statements: number
}

/** Months whose books are closed. */
export function monthStore(db: Database) {
  return {
    /** The newest first. */
    closings: async (query: { readonly before?: Month; readonly limit: number }) => {
      const before = query.before === undefined ? null : `${query.before}-01`
      const found = await rows<{ month: string; at: string; statements: string }>(
        db,
        sql`select to_char(c.month, 'YYYY-MM') as month, c.closed_at::text as at, (
            select count(*) from document d where d.kind in ('usage-statement', 'provider-statement')
              and d.month = c.month)::text as statements
          from closed_month c where ${before}::date is null or c.month < ${before}::date
          order by c.month desc limit ${query.limit}`,
      )
      return found.map(
        ({ month, at, statements }): ClosedMonth => ({
          month: month as Month,
          closedAt: Date.parse(at),
          statements: Number(statements),
        }),
      )
    },
  }
}
