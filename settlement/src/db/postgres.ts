import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import { SettlementError } from '../errors.ts'
import type { Database } from './database.ts'
import { listen } from './listen.ts'
import { migrate } from './migrate.ts'
import { preparingClient } from './repeated-statements.ts'
import { createRepository } from './repository.ts'
import type { SettlementStore } from './store.ts'

/** Two posters are the most that help; the rest serve reads. */
const CONNECTIONS_MAX = 8
const CONNECT_TIMEOUT_MS = 10_000

/** A pool on a PostgreSQL server. Any number of processes may share one database. */
export async function openPostgres(
  databaseUrl: string,
  migrations?: readonly string[],
): Promise<SettlementStore> {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    Client: preparingClient(),
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'hanse-settlement',
  })
  // An idle connection that the server closes is replaced on the next use; without a listener it would end the process.
  pool.on('error', () => undefined)
  const db = drizzle(pool) as unknown as Database
  try {
    await migrate(db, migrations)
  } catch (error) {
    await pool.end()
    if (error instanceof SettlementError) throw error
    throw new SettlementError('HANSE_STORE_MIGRATION', 'the database could not be made ready', {
      cause: error,
    })
  }
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= pool.end()
    return closing
  }
  return {
    kind: 'postgres',
    ...createRepository(db),
    executeSql: (text, values) => pool.query(text, values && [...values]),
    listen: (channel, heard) => listen(databaseUrl, channel, heard),
    close,
    [Symbol.asyncDispose]: close,
  }
}
