import { sql } from 'drizzle-orm'
import { recordset } from '../db/column-lists.ts'
import type { Database } from '../db/database.ts'
import { FACT_CHARS_MAX, FACTS_MAX, type Facts, type NewEvent, SUBJECT_MAX } from './event.ts'
import { kindOf } from './event-kinds.ts'

/**
 * Tells of events inside the transaction of what they tell of: both are there, or neither. Who is told, and how, is decided
 * later. What was told before of the same cause is not told again.
 *
 * @param at milliseconds since 1970
 */
export async function emitEvents(
  tx: Database,
  events: readonly NewEvent[],
  at: number,
): Promise<void> {
  if (events.length === 0) return
  const rows = events.map(({ organization, kind, severity, subject, cause, facts = {} }) => ({
    organization,
    kind,
    severity: severity ?? kindOf(kind).severity,
    subject: subject.slice(0, SUBJECT_MAX),
    cause: cause.slice(0, SUBJECT_MAX),
    facts: JSON.stringify(shortened(facts)),
  }))
  await tx.execute(
    sql`insert into notification_event (organization, kind, severity, subject, cause, facts, at)
      select organization, kind, severity, subject, cause, facts::jsonb, ${new Date(at).toISOString()}::timestamptz
      from ${recordset(rows, 'x(organization text, kind text, severity text, subject text, cause text, facts text)')}
      on conflict do nothing`,
  )
}

/** Whatever a caller hands over by mistake, no long text leaves this service. */
const shortened = (facts: Facts): Facts =>
  Object.fromEntries(
    Object.entries(facts)
      .slice(0, FACTS_MAX)
      .map(([name, value]) => [
        name,
        typeof value === 'string' ? value.slice(0, FACT_CHARS_MAX) : value,
      ]),
  )
