import { type AnyColumn, type SQL, sql } from 'drizzle-orm'

/** Where a page of a list that is ordered by time, newest first, ended. */
export interface TimeCursor {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Of several rows of one millisecond. */
  readonly id: string
}

/** Rows after the cursor in a list that is ordered by `at` and `id`, newest first. */
export function olderThan(
  columns: { readonly at: AnyColumn; readonly id: AnyColumn },
  cursor: TimeCursor | undefined,
): SQL | undefined {
  if (cursor === undefined) return undefined
  const at = new Date(cursor.at).toISOString()
  return sql`(${columns.at}, ${columns.id}) < (${at}::timestamptz, ${cursor.id})`
}
