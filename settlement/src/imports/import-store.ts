import type { Database } from '../db/database.ts'
import { billStore } from './bills/bill-store.ts'
import { type MeteredQuery, meteredCells } from './bills/metered.ts'
import { type OutsideCell, type OutsideQuery, outsideCells } from './outside-usage.ts'
import { type SpendCell, type SpendQuery, spendCells } from './spend-query.ts'
import {
  addUsage,
  type Destination,
  knownUsage,
  type NewUsage,
  type UsageOutcome,
} from './write-usage.ts'

/** What was used elsewhere, and what was billed for it. */
export function importStore(db: Database) {
  return {
    /** See `addUsage`. */
    addExternalUsage: (where: Destination, usage: readonly NewUsage[]): Promise<UsageOutcome[]> =>
      addUsage(db, where, usage),

    /** See `knownUsage`. */
    knownExternalUsage: (where: Destination, usage: readonly NewUsage[]): Promise<UsageOutcome[]> =>
      knownUsage(db, where, usage),

    /** See `spendCells`. */
    spendCells: (query: SpendQuery): Promise<SpendCell[]> => spendCells(db, query),

    /** See `outsideCells`. */
    outsideCells: (query: OutsideQuery): Promise<OutsideCell[]> => outsideCells(db, query),

    /** See `meteredCells`. */
    meteredCells: (query: MeteredQuery): Promise<SpendCell[]> => meteredCells(db, query),

    ...billStore(db),
  }
}
