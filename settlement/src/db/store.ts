import type { Listener } from './listen.ts'
import { openPGlite } from './pglite.ts'
import { openPostgres } from './postgres.ts'
import type { Repository } from './repository.ts'

/** The settlement database: its functions, and its end. Closing twice is closing once. */
export interface SettlementStore extends Repository, AsyncDisposable {
  readonly kind: 'pglite' | 'postgres'
  /**
   * SQL as it is, for what brings its own: the job queue, and seeding benchmarks. Several statements only without values.
   */
  executeSql(text: string, values?: readonly unknown[]): Promise<{ rows: unknown[] }>
  /** Hears what is told on a channel by any process; not on PGlite, which has only this one. */
  readonly listen?: (channel: string, heard: (payload: string) => void) => Listener
  close(): Promise<void>
}

export interface StoreOptions {
  /** A PostgreSQL server; wins over `dataDir`. */
  readonly databaseUrl?: string
  /** Where PGlite keeps its files; without either, in memory and gone at the end. */
  readonly dataDir?: string
  /** Only these migrations, for a backup that was made before the others were. */
  readonly migrations?: readonly string[]
}

/**
 * Opens the store and brings its schema up to date.
 *
 * @throws {SettlementError} HANSE_STORE_OWNED, HANSE_STORE_MIGRATION
 */
export function openStore(options: StoreOptions): Promise<SettlementStore> {
  const { databaseUrl, dataDir, migrations } = options
  return databaseUrl === undefined
    ? openPGlite(dataDir, migrations === undefined ? {} : { migrations })
    : openPostgres(databaseUrl, migrations)
}
