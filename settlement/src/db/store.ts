import { openPGlite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import type { Repository } from './repository.ts'

/** The settlement database: its functions, and its end. Closing twice is closing once. */
export interface SettlementStore extends Repository, AsyncDisposable {
  close(): Promise<void>
}

export interface StoreOptions {
  /** A PostgreSQL server; wins over `dataDir`. */
  readonly databaseUrl?: string
  /** Where PGlite keeps its files; without either, in memory and gone at the end. */
  readonly dataDir?: string
}

/**
 * Opens the store and brings its schema up to date.
 *
 * @throws {SettlementError} HANSE_STORE_OWNED, HANSE_STORE_MIGRATION
 */
export function openStore({ databaseUrl, dataDir }: StoreOptions): Promise<SettlementStore> {
  return databaseUrl === undefined ? openPGlite(dataDir) : openPostgres(databaseUrl)
}
