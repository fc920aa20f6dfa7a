import type { SQL } from 'drizzle-orm'
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core'

/** What both drivers have in common; a transaction is one too. */
export type Database = PgDatabase<PgQueryResultHKT, Record<string, never>>

/** Rows of a raw statement. Cast counts to int4 and money to text in it: the drivers map the rest differently. */
export async function rows<Row>(db: Database, statement: SQL): Promise<Row[]> {
  const result = (await db.execute(statement)) as { rows: Row[] }
  return result.rows
}

/** Deadlocks and serialization failures are the database asking for another try. */
const RETRY_CODES = new Set(['40001', '40P01'])
/** Two transactions wanted one key that only one could have: the next try sees who has it. */
export class LostRace extends Error {
  readonly code = '40001'
}
/** Beyond this something other than chance is wrong. */
const TRIES_MAX = 5

/** One transaction, tried again when the database says that it lost a race. */
export async function transact<Result>(
  db: Database,
  work: (tx: Database) => Promise<Result>,
  config?: { isolationLevel: 'repeatable read'; accessMode: 'read only' },
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(work, config)
    } catch (error) {
      if (attempt >= TRIES_MAX || !RETRY_CODES.has(databaseFault(error)?.code ?? '')) throw error
    }
  }
}

/** The SQLSTATE and constraint inside an error of either driver, which Drizzle wraps. */
export function databaseFault(error: unknown): { code: string; constraint: string } | undefined {
  for (let fault = error; fault instanceof Error; fault = fault.cause) {
    const { code, constraint } = fault as { code?: unknown; constraint?: unknown }
    if (typeof code === 'string' && /^[0-9A-Z]{5}$/u.test(code)) {
      return { code, constraint: typeof constraint === 'string' ? constraint : '' }
    }
  }
  return undefined
}
