import { sql } from 'drizzle-orm'
import { type Database, rows, transact } from '../db/database.ts'
import { emitEvents } from '../notifications/emit.ts'
import type { Month } from './month.ts'
import type { MonthPoint } from './month-points.ts'

export interface ClosedMonth {
  readonly month: Month
  readonly closedAt: number
  /** Id of the operator, or of the service itself; null for months that were closed before this was kept. */
  readonly closedBy: string | null
  /** Why it was closed while something was open. */
  readonly reason: string | null
  readonly open: readonly MonthPoint[]
  /** Statements that were written for it. */
  readonly statements: number
}

/** Milliseconds since 1970. */
export interface MonthEnd {
  /** What began before is of the month. */
  readonly endedAt: number
  /** A comparison that began before has not seen all of it. */
  readonly comparedFrom: number
}

/** Months whose books are closed. */
export function monthStore(db: Database) {
  return {
    /** The newest first. */
    closings: async (query: { readonly before?: Month; readonly limit: number }) => {
      const before = query.before === undefined ? null : `${query.before}-01`
      const found = await rows<{
        month: string
        at: string
        by: string | null
        reason: string | null
        open: readonly MonthPoint[] | null
        statements: string
      }>(
        db,
        sql`select to_char(c.month, 'YYYY-MM') as month, c.closed_at::text as at, c.closed_by as by, c.reason,
            c.open_points as open, (
            select count(*) from document d where d.kind in ('usage-statement', 'provider-statement')
              and d.month = c.month)::text as statements
          from closed_month c where ${before}::date is null or c.month < ${before}::date
          order by c.month desc limit ${query.limit}`,
      )
      return found.map(
        ({ month, at, by, reason, open, statements }): ClosedMonth => ({
          month: month as Month,
          closedAt: Date.parse(at),
          closedBy: by,
          reason,
          open: open ?? [],
          statements: Number(statements),
        }),
      )
    },

    /**
     * What an operator has to settle before a month ends well: all but the check of the ledger. Of a difference or an adjustment
     * nobody knows which month it is of until it is settled, so all of them count. A dispute that was answered is the bank's to
     * decide, which takes months: it is not waited for.
     */
    monthPoints: async ({ endedAt, comparedFrom }: MonthEnd): Promise<MonthPoint[]> => {
      const [end, compared] = [iso(endedAt), iso(comparedFrom)]
      const found = await rows<MonthPoint>(
        db,
        sql`select 'payout-runs' as point, count(*)::int4 as open from payout_run
            where state = 'gathered' and gathered_at < ${end}
          union all select 'adjustments', count(*)::int4 from adjustment where state = 'proposed'
          union all select 'comparison', (not exists (
            select from reconciliation where started_at >= ${compared}))::int4
          union all select 'differences', count(*)::int4 from reconciliation_difference where state = 'open'
          union all select 'disputes', count(*)::int4 from dispute
            where status in ('inquiry', 'needs-response') and created_at < ${end}`,
      )
      return found
    },

    /** Once for each month, whoever asks. */
    tellMonthWaits: (month: Month, open: readonly MonthPoint[], at: number): Promise<void> =>
      transact(db, (tx) =>
        emitEvents(
          tx,
          [
            {
              organization: null,
              kind: 'month.waiting',
              subject: month,
              cause: month,
              facts: Object.fromEntries(open.map((one) => [one.point, one.open])),
            },
          ],
          at,
        ),
      ),
  }
}

const iso = (at: number) => sql`${new Date(at).toISOString()}::timestamptz`
