import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import type { Database } from '../db/database.ts'
import type { Repository } from '../db/repository.ts'
import { receiptStore } from '../receipts/receipt-store.ts'

/** One for receipts and one for Statements: each has one posting under way. */
const CONNECTIONS_MAX = 2
const CONNECT_TIMEOUT_MS = 10_000

/** Connections of a thread's own to a database that is ready. They end with the thread. */
export function openPostingStore(
  databaseUrl: string,
): Pick<Repository, 'bookReceipts' | 'bookStatements'> {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: 'hanse-settlement ingest',
  })
  // An idle connection that the server closes is replaced on the next use; without a listener it would end the thread.
  pool.on('error', () => undefined)
  return receiptStore(drizzle(pool) as unknown as Database)
}
