import { sql } from 'drizzle-orm'
import { textArray } from '../db/column-lists.ts'
import { type Database, rows } from '../db/database.ts'
import type { LogFact } from '../log/log-fact.ts'
import type { NewEvent } from '../notifications/event.ts'

/**
 * Less what was told of the same receipt before: whoever hands in again what was refused would else fill the log. The caller
 * has the locks of the batch, so nobody tells of it meanwhile.
 */
export async function notToldYet(
  tx: Database,
  events: readonly LogFact[],
  notices: readonly NewEvent[],
): Promise<readonly LogFact[]> {
  if (notices.length === 0) return events
  const causes = notices.map(({ cause }) => cause)
  const found = await rows<{ cause: string }>(
    tx,
    sql`select cause from notification_event where kind = 'residency.violated' and cause = any(${textArray(causes)})`,
  )
  const told = new Set(found.map(({ cause }) => cause))
  return events.filter(({ kind, record }) => kind !== 'policy-violation' || !told.has(record ?? ''))
}
