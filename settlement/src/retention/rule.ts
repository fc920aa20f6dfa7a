import type { SQL } from 'drizzle-orm'

/** Rows of one table that go by their age. All expressions are of the row `t`. */
export interface AgeRule {
  readonly table: string
  readonly removal: 'age'
  /** The instant that the period runs from; a row for which it is null stays. */
  readonly at: string
  /** What must be true besides, given the instant before which rows go. */
  readonly where?: (before: SQL) => SQL
  /** Whose the row is, for legal holds: an id, or null. */
  readonly organization?: string
  readonly person?: string
  readonly provider?: string
}

/** What becomes of a table's rows. */
export type TableRule =
  | AgeRule
  /** Dropped by whole months, by the job `usage-partitions`. */
  | { readonly table: string; readonly removal: 'month' }
  /** Goes with the row of another table that it belongs to. */
  | { readonly table: string; readonly removal: 'with'; readonly parent: string }
  /** Stays as long as the account that it belongs to, and goes when that is erased. */
  | { readonly table: string; readonly removal: 'account' }
  /** Stays. */
  | { readonly table: string; readonly removal: 'kept' }

/** Kinds of data that have one period, and one reason for it. */
export interface RetentionClass {
  readonly name: string
  /** What it is, for records of processing. */
  readonly what: { readonly en: string; readonly de: string }
  /** Why it is kept that long, and what of it stays. */
  readonly why: { readonly en: string; readonly de: string }
  /** Days when nobody sets others; null where nothing goes by age. */
  readonly days: number | null
  /** Days that may be set, first and last, and why no fewer. */
  readonly least?: { readonly days: number; readonly why: string }
  readonly most?: { readonly days: number; readonly why: string }
  /** The period begins with the end of the calendar year (UTC), as in tax law. */
  readonly fromYearEnd?: true
  readonly tables: readonly TableRule[]
}

export const isAgeRule = (rule: TableRule): rule is AgeRule => rule.removal === 'age'
